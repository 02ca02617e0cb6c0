package esttest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/core"
)

// explorer runs one integration in many ways.
type explorer[C, R any] struct {
	p     *probe[C, R]
	model *Model[C, R]
	o     Options
	stats *Stats
	buf   []choice
	list  []step
	said  said
}

// plainRuns is how many runs have neither concurrency nor faults. They find what
// is simply wrong, by a history that is short, and whether rooms go when all leave.
const plainRuns = 8

// mostQuiet is how many decisions of a plain run let things settle after each one of
// a client. Where that doesn't suffice, the run ends, and it shows whether any does.
const mostQuiet = 300

// deepAlways is how many runs look at everything; after that each eighth one does, and
// those that are repeated.
const deepAlways = 200

// repeated says whether a run is done twice.
func repeated(run int) bool { return run%100 == 50 }

// ballast is never touched. A run leaves much garbage and keeps little: with this it is
// collected seldom. There is one for all, since to make another one is to clear it.
var ballast = sync.OnceValue(func() []byte { return make([]byte, 64<<20) })

func newExplorer[C, R any](in core.Integration[C, R], m *Model[C, R], o *Options) *explorer[C, R] {
	opt := o.withDefaults()
	return &explorer[C, R]{p: newProbe(in, opt.Disable), model: m, o: opt, stats: newStats(m)}
}

// explore runs until something is found or the budget is used up.
func (x *explorer[C, R]) explore() (found verdict, run int, kind string) {
	ballast()
	began := time.Now()
	defer func() { x.stats.Elapsed = time.Since(began) }()
	for run = 0; ; run++ {
		if x.o.Runs > 0 && run >= x.o.Runs {
			return verdict{}, run, ""
		}
		if x.o.Time > 0 && run > plainRuns && time.Since(began) > x.o.Time {
			return verdict{}, run, ""
		}
		kind, v := x.one(run)
		if v.failed != nil {
			return v, run, kind
		}
	}
}

// one does one run.
func (x *explorer[C, R]) one(run int) (kind string, v verdict) {
	r := rand.New(rand.NewPCG(x.o.Seed, uint64(run)))
	x.p.deep = run < deepAlways || run%8 == 0 || repeated(run)
	x.stats.Runs++
	if run < plainRuns {
		x.stats.Schedules["plain"]++
		v = x.plainRun(r)
		if run == plainRuns-1 && v.failed == nil {
			x.p.habits.end()
		}
		return "plain", v
	}
	if run == plainRuns || run%500 == 0 {
		x.stats.Schedules["long"]++
		return "long", x.growthRun(r)
	}
	kind, sched, size := x.schedule(r, run)
	x.stats.Schedules[kind]++
	v = x.simulate(r, sched, size)
	if v.failed == nil && repeated(run) {
		v = x.repeat(v)
	}
	return kind, v
}

// schedule draws the kind of a run, and its size.
func (x *explorer[C, R]) schedule(r *rand.Rand, run int) (kind string, sched schedule, size int) {
	size = x.o.Steps
	switch r.IntN(10) {
	case 0, 1, 2:
		size = min(size, 20)
	case 3, 4, 5, 6:
		size = min(size, 60)
	}
	total := 0
	for _, k := range schedules {
		total += k.share
	}
	turn := (run * 7) % total // 7 and 20 have no common divisor: all kinds come soon
	for _, k := range schedules {
		if turn -= k.share; turn < 0 {
			return k.name, k.make(r, size), size
		}
	}
	panic("unreachable")
}

func (x *explorer[C, R]) sim() *sim[C, R] {
	return newSim(x.p, x.model, x.o.Instances, x.o.Clients, x.o.Faults.kinds(), x.stats)
}

// simulate does one run by a schedule.
func (x *explorer[C, R]) simulate(r *rand.Rand, sched schedule, size int) verdict {
	s := x.sim()
	left := r.IntN(x.o.Faults.Max + 1)
	x.list = x.list[:0]
	for range size {
		x.buf = s.options(x.buf[:0])
		i := sched.choose(x.buf, s, left)
		if i < 0 {
			continue
		}
		ch := x.buf[i]
		if !s.fill(&ch, r) {
			continue
		}
		if ch.do.fault() {
			left--
		}
		x.list = append(x.list, s.named(ch))
		s.decide(ch)
		if s.failed != nil {
			break
		}
	}
	return x.end(s, x.list)
}

// decide has a decision happen, and looks at what it did.
func (s *sim[C, R]) decide(ch choice) {
	s.stats.Steps++
	s.run(ch)
	s.look()
	s.steps++
}

// end finishes a run. The list is copied only if it fails.
func (x *explorer[C, R]) end(s *sim[C, R], list []step) verdict {
	v := verdict{}
	if s.failed == nil {
		s.finish()
		v.healed = true
	}
	if v.failed, v.steps = s.failed, list; v.failed != nil {
		v.steps = slices.Clone(list)
	}
	v.digest = s.digest()
	return v
}

// plainRun lets everything settle after each thing that a client does.
func (x *explorer[C, R]) plainRun(r *rand.Rand) verdict {
	s := x.sim()
	s.allowed = 0
	x.list = x.list[:0]
	sched := &weighted{r: r, weights: weights{connect: 4, send: 10, hangUp: 1, outside: 2}}
	for range min(x.o.Steps, 60) {
		x.buf = s.options(x.buf[:0])
		i := sched.choose(x.buf, s, 0)
		if i < 0 {
			break
		}
		ch := x.buf[i]
		if !s.fill(&ch, r) {
			continue
		}
		x.apply(s, ch)
		if !x.calm(s) {
			break
		}
		s.learn()
	}
	return x.end(s, x.list)
}

// calm lets everything settle, decision by decision; false if it doesn't, or fails.
func (x *explorer[C, R]) calm(s *sim[C, R]) bool {
	for range mostQuiet {
		x.buf = s.waiting(x.buf[:0])
		if len(x.buf) == 0 {
			return true
		}
		if x.apply(s, x.buf[0]); s.failed != nil {
			return false
		}
	}
	return false
}

func (x *explorer[C, R]) apply(s *sim[C, R], ch choice) {
	x.list = append(x.list, s.named(ch))
	s.decide(ch)
}
