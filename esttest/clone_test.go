package esttest

import (
	"math/rand/v2"
	"testing"
)

// unprint has the marks of machines be made anew: a change that nobody was told of shows.
func unprint[C, R any](s *sim[C, R]) {
	for _, n := range s.nodes {
		n.lobby.print = nil
		if n.pulse != nil {
			n.pulse.print = nil
		}
		for _, t := range n.sites {
			t.print = nil
		}
	}
}

func markOf[C, R any](s *sim[C, R]) mark {
	unprint(s)
	m, _ := s.mark(nil)
	return m
}

// A clone that goes on as its original does comes to the same end; and neither
// changes the other.
func TestCloneGoesItsOwnWay(t *testing.T) {
	for seed := range uint64(max(4, atRest(12))) {
		x := searching(t, seed%2 == 0, Scope{Lives: 4, Instances: 3, Clients: 3})
		run := func(clones bool) (end uint64, last mark) {
			r, other := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
			sched := &weighted{r: r, weights: tuned}
			s := x.begin()
			s.allowed = allFaults
			type taken struct {
				s  *sim[sitter, seats]
				at mark
				n  int
			}
			var all []taken
			var list []step
			for range 50 {
				before := markOf(s)
				if clones {
					all = append(all, taken{s.clone(), before, len(list)})
					stray(s.clone(), other)
					if markOf(s) != before {
						t.Fatalf("seed %d, step %d: what happened to the clone changed the original", seed, len(list))
					}
				}
				opts := s.options(nil)
				i := sched.choose(opts, s, 100)
				ch := opts[i]
				if !s.fill(&ch, r) {
					continue
				}
				list = append(list, s.named(ch))
				s.decide(ch)
				if s.failed != nil {
					break
				}
			}
			v := x.end(s, list)
			end, last = v.digest, markOf(s)
			for _, c := range all {
				if markOf(c.s) != c.at {
					t.Fatalf("seed %d, step %d: what happened to the original changed the clone", seed, c.n)
				}
				for _, st := range list[c.n:] {
					ch, ok := c.s.find(st, c.s.options(nil))
					if !ok {
						t.Fatalf("seed %d: %v is not possible in the clone of step %d", seed, st, c.n)
					}
					c.s.decide(ch)
				}
				if w := x.end(c.s, list); w.digest != end || markOf(c.s) != last || (w.failed == nil) != (v.failed == nil) {
					t.Fatalf("seed %d: the clone of step %d came to another end: %v, and not %v", seed, c.n, w.failed, v.failed)
				}
			}
			return end, last
		}
		end, last := run(false)
		if e, l := run(true); e != end || l != last {
			t.Fatalf("seed %d: to be cloned led to another end", seed)
		}
	}
}

// stray does something else for a while.
func stray(s *sim[sitter, seats], r *rand.Rand) {
	sched := &weighted{r: r, weights: swarm(r)}
	for range 6 {
		opts := s.options(nil)
		i := sched.choose(opts, s, 100)
		if i < 0 || s.failed != nil {
			return
		}
		if ch := opts[i]; s.fill(&ch, r) {
			s.decide(ch)
		}
	}
	s.finish()
}
