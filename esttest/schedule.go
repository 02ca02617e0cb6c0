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
