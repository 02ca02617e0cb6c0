package esttest

import (
	"math/rand/v2"
)

// schedule decides what happens next. Each run has one; no single kind of them
// finds every bug soon, so they take turns.
type schedule interface {
	// choose picks one, by its index; -1 is none. left is how many faults there may
	// still be.
	choose(of []choice, in cluster, left int) int
}

// cluster is a sim, whatever its types are.
type cluster interface {
	named(choice) step
}

// schedules are the kinds that runs rotate through, each as often as its share.
var schedules = []struct {
	name  string
	share int
	make  func(r *rand.Rand, size int) schedule
}{
	{"weighted", 8, func(r *rand.Rand, _ int) schedule { return &weighted{r: r, weights: tuned} }},
	{"swarm", 6, func(r *rand.Rand, _ int) schedule { return &weighted{r: r, weights: swarm(r)} }},
	{"pct", 3, newPriorities},
	{"pos", 3, func(r *rand.Rand, _ int) schedule { return &partial{r: r, of: make(map[step]uint64, 64)} }},
}

// weighted picks by the weights of the verbs.
type weighted struct {
	r       *rand.Rand
	weights weights
	calm    bool // they are by now
}

// weights are how often a verb happens, in proportion to the others.
type weights [verbCount]int

// calm has no faults.
func (w weights) calm() weights {
	for v := range w {
		if verb(v).fault() {
			w[v] = 0
		}
	}
	return w
}

// faulty has nothing but faults.
func (w weights) faulty() weights {
	for v, n := range w.calm() {
		w[v] -= n
	}
	return w
}

var tunedCalm, tunedFaulty = tuned.calm(), tuned.faulty()

// tuned are weights that let rooms fill and work, with something going wrong now and then.
var tuned = weights{
	connect: 8, send: 10, hangUp: 2, snap: 2, notice: 6, expire: 1, clog: 1,
	perform: 8, answer: 12, ask: 16, fail: 2, lose: 3, rival: 2, giveUp: 1, land: 3, forget: 1,
	hear: 16, drop: 1, twice: 1, delay: 1, cut: 1, join: 6,
	effect: 6, effectFails: 1, effectAnswer: 8, effectAsk: 6,
	crash: 1, restart: 6, pause: 1, resume: 6, away: 1, back: 6,
	outside: 4, wait: 1, round: 1, lapse: 2, heed: 1,
}

// swarm leaves out half of what is not needed to go on, and weighs the rest at random.
func swarm(r *rand.Rand) (w weights) {
	for v := range w {
		w[v] = 1 + r.IntN(40)
		switch verb(v) {
		case connect, send, ask, answer, hear, join, restart, resume, back:
		default:
			if r.IntN(2) == 0 {
				w[v] = 0
			}
		}
	}
	return w
}

func (w *weighted) choose(of []choice, _ cluster, left int) int {
	if left <= 0 && !w.calm { // it stays so
		w.weights, w.calm = w.weights.calm(), true
	}
	return pick(w.r, &w.weights, of)
}

// pick picks by weight; -1 if all weigh nothing.
func pick(r *rand.Rand, weights *weights, of []choice) int {
	total := 0
	for i := range of {
		total += weights[of[i].do]
	}
	if total == 0 {
		return -1
	}
	x := r.IntN(total)
	for i := range of {
		if x -= weights[of[i].do]; x < 0 {
			return i
		}
	}
	return -1
}

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
		if kind != w.kind || ch.at != of[i-1].at || ch.inst != of[i-1].inst { // what one can do stands together
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

// partial is partial order sampling (Yuan, Yang, Gu, CAV 2018): each thing that
// can happen has a random priority for as long as it waits.
type partial struct {
	r  *rand.Rand
	of map[step]uint64
}

func (p *partial) choose(of []choice, in cluster, left int) int {
	best, high := -1, uint64(0)
	var chosen step
	for i, ch := range of {
		if ch.do.fault() && (left <= 0 || p.r.IntN(8) > 0) || ch.do == wait && p.r.IntN(20) > 0 {
			continue
		}
		st := in.named(ch)
		x, ok := p.of[st]
		if !ok {
			x = p.r.Uint64() | 1
			p.of[st] = x
		}
		if x > high {
			best, high, chosen = i, x, st
		}
	}
	if best >= 0 {
		delete(p.of, chosen)
	}
	return best
}
