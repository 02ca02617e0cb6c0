package esttest

import "math/rand/v2"

// priorities is PCT (Burckhardt et al., ASPLOS 2010): who has the highest priority
// goes on as long as possible, and loses it at a few points chosen beforehand.
// Clients would never end, so each has a number of things to do.
type priorities struct {
	r      *rand.Rand
	of     []rank // few: to look through them is faster than a map
	lowest int
	change map[int]bool
	steps  int
	todo   map[int]int // by client
	whose  []who       // the choices
	own    []choice    // those of one
	index  []int       // theirs
}

// rank is the priority of one, in the order in which they first had something to do.
type rank struct {
	who
	priority int
}

// who is what PCT takes for a thread.
type who struct {
	kind byte // a client, a room's calls, its messages, the rest of an instance
	n    int
	room string
}

func newPriorities(r *rand.Rand, size int) schedule {
	p := &priorities{r: r, change: map[int]bool{}, todo: map[int]int{}}
	for range 1 + r.IntN(3) {
		p.change[r.IntN(size)] = true
	}
	return p
}

func whoOf(kind byte, st step) who {
	switch kind {
	case 'm', 's':
		return who{kind, st.inst, st.room}
	case 'c', 'e':
		return who{kind, st.conn.client, ""}
	}
	return who{kind, st.inst, ""}
}

// kind is whose it is, as far as that is known without its name.
func (ch choice) kind() byte {
	switch ch.do {
	case hear, drop, twice, delay:
		return 'm'
	case giveUp, land:
		return 's'
	case notice, effect, effectAnswer, effectAsk, effectFails:
		return 'e'
	case connect, send, hangUp, snap, expire, clog:
		return 'c'
	}
	if ch.op != noOp {
		return 's'
	}
	return 'i'
}

// alike says whether two choices of one kind are about the same thing.
func (ch choice) alike(o choice) bool {
	return ch.at == o.at && ch.inst == o.inst && ch.op.isChore() == o.op.isChore()
}

func (p *priorities) choose(of []choice, in cluster, left int) int {
	p.steps++
	if left > 0 && p.r.IntN(12) == 0 {
		if i := pick(p.r, &tunedFaulty, of); i >= 0 {
			return i
		}
	}
	best, highest, found := who{}, 0, false
	w, priority := who{}, 0
	p.whose = p.whose[:0]
	for i, ch := range of {
		kind := ch.kind()
		if kind != w.kind || !ch.alike(of[i-1]) { // what one can do stands together
			w = whoOf(kind, in.named(ch))
			priority = *p.priority(w)
		}
		p.whose = append(p.whose, w)
		if ch.do.fault() || ch.do == wait || w.kind == 'c' && p.todo[w.n] == 0 {
			continue
		}
		if !found || priority > highest {
			best, highest, found = w, priority, true
		}
	}
	if !found { // the clients have done what they had to: more of it
		clear(p.todo)
		for _, x := range p.of {
			if x.kind == 'c' {
				p.todo[x.n] = 3
			}
		}
		return pick(p.r, &tunedCalm, of)
	}
	if p.change[p.steps] {
		p.lowest--
		*p.priority(best) = p.lowest
	}
	if best.kind == 'c' {
		p.todo[best.n]--
	}
	p.own, p.index = p.own[:0], p.index[:0]
	for i, w := range p.whose {
		if w == best {
			p.own, p.index = append(p.own, of[i]), append(p.index, i)
		}
	}
	if i := pick(p.r, &tunedCalm, p.own); i >= 0 {
		return p.index[i]
	}
	return -1
}

// priority is who's, which is drawn when it first has something to do.
func (p *priorities) priority(w who) *int {
	for i := range p.of {
		if p.of[i].who == w {
			return &p.of[i].priority
		}
	}
	p.of = append(p.of, rank{w, 1 + p.r.IntN(1<<30)})
	if w.kind == 'c' {
		p.todo[w.n] = 2 + p.r.IntN(8)
	}
	return &p.of[len(p.of)-1].priority
}
