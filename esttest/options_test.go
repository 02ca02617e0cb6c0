package esttest

import (
	"math/rand/v2"
	"testing"
)

// Whatever could happen next has a name of its own: a history means one thing only.
func TestChoicesHaveNames(t *testing.T) {
	for seed := range uint64(atRest(300)) {
		r := rand.New(rand.NewPCG(seed, 1))
		x := searching(t, seed%2 == 0, Scope{Lives: 4, Instances: 3, Clients: 4})
		s := x.begin()
		s.allowed = allFaults
		sched := &weighted{r: r, weights: swarm(r)}
		for n := 0; n < 120 && s.failed == nil; n++ {
			opts := s.options(nil)
			named := map[step]bool{}
			for _, ch := range opts {
				st := s.named(ch)
				if named[st] {
					t.Fatalf("seed %d, step %d: %v is possible in two ways", seed, n, st)
				}
				named[st] = true
			}
			i := sched.choose(opts, s, 100)
			if i < 0 {
				break
			}
			if ch := opts[i]; s.fill(&ch, r) {
				s.decide(ch)
			}
		}
	}
}

// PCT takes each choice for the one's whom its name says.
func TestPrioritiesKnowWhose(t *testing.T) {
	for seed := range uint64(atRest(100)) {
		r := rand.New(rand.NewPCG(seed, 1))
		x := searching(t, seed%2 == 0, Scope{Lives: 4, Instances: 3, Clients: 4})
		s := x.begin()
		s.allowed = allFaults
		walk, pct := &weighted{r: r, weights: swarm(r)}, newPriorities(r, 120).(*priorities)
		for n := 0; n < 120 && s.failed == nil; n++ {
			opts := s.options(nil)
			pct.choose(opts, s, 0)
			for i, ch := range opts {
				if want := whoOf(ch.kind(), s.named(ch)); pct.whose[i] != want {
					t.Fatalf("seed %d, step %d: %v is taken for one of %v, want %v", seed, n, s.named(ch), pct.whose[i], want)
				}
			}
			i := walk.choose(opts, s, 100)
			if i < 0 {
				break
			}
			if ch := opts[i]; s.fill(&ch, r) {
				s.decide(ch)
			}
		}
	}
}
