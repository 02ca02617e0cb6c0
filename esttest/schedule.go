package esttest

import (
	"math/rand/v2"
)

// schedule decides what happens next. Each run has one; no single kind of them
// finds every bug soon, so they take turns.
type schedule interface {
	// choose picks one of n choices; at gives their steps. left is how many faults
	// there may still be.
	choose(n int, at func(int) *step, left int) int
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
	{"pos", 3, func(r *rand.Rand, _ int) schedule { return &partial{r: r, of: map[step]uint64{}} }},
}

// weighted picks by the weights of the verbs.
type weighted struct {
	r       *rand.Rand
	weights [verbCount]int
}

// tuned are weights that let rooms fill and work, with something going wrong now and then.
var tuned = [verbCount]int{
	connect: 8, send: 10, hangUp: 2, snap: 2, notice: 6, expire: 1, clog: 1,
	perform: 8, answer: 12, ask: 16, fail: 2, lose: 3, rival: 2, giveUp: 1, land: 3, forget: 1,
	hear: 16, drop: 1, twice: 1, delay: 1, cut: 1, join: 6,
	effect: 6, effectFails: 1, effectAnswer: 8, effectAsk: 6,
	crash: 1, restart: 6, pause: 1, resume: 6, away: 1, back: 6,
	outside: 4, wait: 1, round: 1, lapse: 2, heed: 1,
}

// swarm leaves out half of what is not needed to go on, and weighs the rest at random.
func swarm(r *rand.Rand) (w [verbCount]int) {
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

func (w *weighted) choose(n int, at func(int) *step, left int) int {
	return pick(w.r, &w.weights, n, at, left, nil)
}

// pick picks by weight among those that only (nil: all) lets pass; -1 if none does.
func pick(r *rand.Rand, weights *[verbCount]int, n int, at func(int) *step, left int, only func(*step) bool) int {
	total := 0
	for i := range n {
		total += weight(weights, at(i), left, only)
	}
	if total == 0 {
		return -1
	}
	x := r.IntN(total)
	for i := range n {
		if x -= weight(weights, at(i), left, only); x < 0 {
			return i
		}
	}
	return -1
}

func weight(weights *[verbCount]int, st *step, left int, only func(*step) bool) int {
	if left <= 0 && st.do.fault() || only != nil && !only(st) {
		return 0
	}
	return weights[st.do]
}

// priorities is PCT (Burckhardt et al., ASPLOS 2010): who has the highest priority
// goes on as long as possible, and loses it at a few points chosen beforehand.
// Clients would never end, so each has a number of things to do.
type priorities struct {
	r      *rand.Rand
	of     map[who]int
	lowest int
	change map[int]bool
	steps  int
	todo   map[int]int // by client
}

// who is what PCT takes for a thread.
type who struct {
	kind byte // a client, a room's calls, its messages, the rest of an instance
	n    int
	room string
}

func newPriorities(r *rand.Rand, size int) schedule {
	p := &priorities{r: r, of: map[who]int{}, change: map[int]bool{}, todo: map[int]int{}}
	for range 1 + r.IntN(3) {
		p.change[r.IntN(size)] = true
	}
	return p
}

func whoOf(st *step) who {
	switch {
	case st.do == hear || st.do == drop || st.do == twice || st.do == delay:
		return who{'m', st.inst, st.room}
	case st.op != noOp || st.do == giveUp || st.do == land:
		return who{'s', st.inst, st.room}
	case st.do == notice || st.do == effect || st.do == effectAnswer || st.do == effectAsk || st.do == effectFails:
		return who{'e', st.conn.client, ""}
	case st.conn.client != 0:
		return who{'c', st.conn.client, ""}
	}
	return who{'i', st.inst, ""}
}

func (p *priorities) choose(n int, at func(int) *step, left int) int {
	p.steps++
	if left > 0 && p.r.IntN(12) == 0 {
		if i := pick(p.r, &tuned, n, at, left, func(st *step) bool { return st.do.fault() }); i >= 0 {
			return i
		}
	}
	best, highest, found := who{}, 0, false
	last, priority := who{}, 0
	for i := range n {
		st := at(i)
		w := whoOf(st)
		if w != last { // what one can do stands together
			last, priority = w, p.priority(w)
		}
		if st.do.fault() || st.do == wait || w.kind == 'c' && p.todo[w.n] == 0 {
			continue
		}
		if !found || priority > highest {
			best, highest, found = w, priority, true
		}
	}
	if !found { // the clients have done what they had to: more of it
		clear(p.todo)
		for w := range p.of {
			if w.kind == 'c' {
				p.todo[w.n] = 3
			}
		}
		return pick(p.r, &tuned, n, at, 0, nil)
	}
	if p.change[p.steps] {
		p.lowest--
		p.of[best] = p.lowest
	}
	if best.kind == 'c' {
		p.todo[best.n]--
	}
	return pick(p.r, &tuned, n, at, 0, func(st *step) bool { return whoOf(st) == best })
}

// priority is who's, which is drawn when it first has something to do.
func (p *priorities) priority(w who) int {
	priority, known := p.of[w]
	if !known {
		priority = 1 + p.r.IntN(1<<30)
		p.of[w] = priority
		if w.kind == 'c' {
			p.todo[w.n] = 2 + p.r.IntN(8)
		}
	}
	return priority
}

// partial is partial order sampling (Yuan, Yang, Gu, CAV 2018): each thing that
// can happen has a random priority for as long as it waits.
type partial struct {
	r  *rand.Rand
	of map[step]uint64
}

func (p *partial) choose(n int, at func(int) *step, left int) int {
	best, high := -1, uint64(0)
	for i := range n {
		st := at(i)
		if st.do.fault() && (left <= 0 || p.r.IntN(8) > 0) || st.do == wait && p.r.IntN(20) > 0 {
			continue
		}
		x, ok := p.of[*st]
		if !ok {
			x = p.r.Uint64() | 1
			p.of[*st] = x
		}
		if x > high {
			best, high = i, x
		}
	}
	if best >= 0 {
		delete(p.of, *at(best))
	}
	return best
}
