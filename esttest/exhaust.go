package esttest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spinneyio/est/core"
)

// Exhaust visits every schedule of a small scope, and fails t as [Check] does if
// one of them goes wrong. Otherwise it logs how many states that were, and whether
// they were all: a scope that is too big is stopped at a limit, which is no failure.
// It fails t too for what Check does: invalid arguments, a model that panics.
//
// Schedules that lead to the same state go on as one, instances that nothing has
// happened to are alike, and time stands still; but where an instance may crash or
// pause, or the store be away, it may pass once for as long as it takes to be given
// up. To start an instance again counts as a fault. First come the saved failures, and
// the few runs without concurrency that Check begins with.
func Exhaust[C, R any](t testing.TB, in core.Integration[C, R], m Model[C, R], s Scope) {
	t.Helper()
	x, err := newSearch(in, &m, s)
	if err != nil {
		t.Fatal(err)
	}
	err = x.check(t, func() (*Failure, string, []string) {
		found := x.search()
		return found, x.summary(), x.stats.unseen()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// search goes through the states of a scope, depth first.
type search[C, R any] struct {
	*explorer[C, R]
	scope   Scope
	seen    map[mark]struct{} // states; nil: those that are the same are not told apart
	states  int               // visited
	steps   int               // from one to another
	deepest int               // steps to a state
	stop    string            // the limit that ended the search
	short   bool              // not all schedules were followed to their end
	found   func(verdict) (more bool)

	path  []step
	open  []choice // what could happen at each state of the path
	texts map[string][]string
	bytes []byte
}

// maxDepth bounds the steps to a state. A scope that is finite in a sensible time
// has far fewer: what is longer goes on for ever.
const maxDepth = 400

func newSearch[C, R any](in core.Integration[C, R], m *Model[C, R], s Scope) (*search[C, R], error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	if err := validate(in, m, s.options()); err != nil {
		return nil, err
	}
	s = s.withDefaults()
	x := &search[C, R]{explorer: newExplorer(in, m, s.options()), scope: s,
		seen: map[mark]struct{}{}, texts: map[string][]string{}}
	return x, nil
}

// search looks until something is wrong; nil if nothing is.
func (x *search[C, R]) search() *Failure {
	began := time.Now()
	ballast()
	defer func() { x.stats.Elapsed = time.Since(began) }()
	for run := range plainRuns {
		if kind, v := x.one(run); v.failed != nil {
			return x.failure(v, run, kind)
		}
	}
	var first verdict
	x.found = func(v verdict) bool {
		first = v
		return false
	}
	x.all()
	if first.failed == nil {
		return nil
	}
	f := x.failure(first, x.o.Runs, "exhaustive")
	f.story.found = fmt.Sprintf("found after %s of all that a small scope has: %d decisions, of which %d are left after %d replays",
		count(x.states, "state"), f.Found, len(f.steps), f.Tried)
	if f.Tried == 1 {
		f.story.found += "; it takes a clock that stands still, as it does here"
	}
	f.History = f.story.String()
	return f
}

// all visits all states.
func (x *search[C, R]) all() {
	x.p.deep = true
	deadline := time.Now().Add(x.scope.Time)
	x.visit(x.begin(), x.budget(), deadline)
}

// budget is what may happen in all.
func (x *search[C, R]) budget() budget { return budget{x.scope.Faults.Max, x.scope.Outside, 1} }

// begin is the state that all others come from.
func (x *search[C, R]) begin() *sim[C, R] {
	s := x.sim()
	s.still = true
	return s
}

// summary says how much was visited.
func (x *search[C, R]) summary() string {
	took := x.stats.Elapsed.Round(100 * time.Millisecond)
	visited := fmt.Sprintf("%s, %s, %v", count(x.states, "state"), count(x.steps, "step"), took)
	switch {
	case x.stop != "":
		return fmt.Sprintf("stopped at the budget of %s: %v: %s, up to %s deep, and there are more", x.stop, x.scope, visited, count(x.deepest, "step"))
	case x.short:
		return fmt.Sprintf("stopped at the depth of %s: %v: %s", count(maxDepth, "step"), x.scope, visited)
	}
	return fmt.Sprintf("complete: %v: %s", x.scope, visited)
}

// visit goes on from a state, which becomes one of those after it. It says whether
// the search is to go on.
func (x *search[C, R]) visit(s *sim[C, R], left budget, deadline time.Time) (more bool) {
	if x.known(s, left) {
		return true
	}
	switch {
	case x.states >= x.scope.States:
		x.stop = count(x.scope.States, "state")
		return false
	case x.states%256 == 0 && time.Now().After(deadline):
		x.stop = x.scope.Time.String()
		return false
	}
	x.states++
	x.deepest = max(x.deepest, len(x.path))
	if len(x.path) >= maxDepth {
		x.short = true
		s.finish()
		return s.failed == nil || x.wrong(s)
	}
	if s.quiet() {
		if end := s.clone(); !x.finishes(end) && !x.wrong(end) {
			return false
		}
	}
	first := len(x.open)
	x.open = x.choices(x.open, s, left)
	last := len(x.open) - 1
	for i := first; i <= last; i++ {
		next := s
		if i < last {
			next = s.clone()
		}
		if !x.step(next, x.open[i], left, deadline) {
			return false
		}
	}
	x.open = x.open[:first]
	return true
}

// step has a choice happen, and visits the state after it.
func (x *search[C, R]) step(s *sim[C, R], ch choice, left budget, deadline time.Time) (more bool) {
	x.steps++
	x.path = append(x.path, s.named(ch))
	s.decide(ch)
	if s.failed != nil {
		more = x.wrong(s)
	} else {
		more = x.visit(s, left.after(ch.do), deadline)
	}
	x.path = x.path[:len(x.path)-1]
	return more
}

// known says whether the search was at a state before, with the same budget.
func (x *search[C, R]) known(s *sim[C, R], left budget) bool {
	if x.seen == nil {
		return false
	}
	var m mark
	m, x.bytes = s.mark(x.bytes, left.faults, left.outside, left.lapses)
	if _, ok := x.seen[m]; ok {
		return true
	}
	x.seen[m] = struct{}{}
	return false
}

func (x *search[C, R]) finishes(s *sim[C, R]) bool {
	s.finish()
	return s.failed == nil
}

// wrong tells of a failure. It says whether the search is to go on.
func (x *search[C, R]) wrong(s *sim[C, R]) (more bool) {
	return x.found(verdict{failed: s.failed, steps: slices.Clone(x.path), digest: s.digest()})
}

// quiet says whether nothing waits and no fault lasts: then the healing of a run
// that ends here would do nothing. Every other healing is a schedule of its own,
// and leads to such a state.
func (s *sim[C, R]) quiet() bool {
	for _, n := range s.nodes {
		if n.up && (n.paused || n.away || n.cut) {
			return false
		}
	}
	for _, c := range s.conns {
		if !c.open && !c.over {
			return false
		}
	}
	return len(s.waiting(nil)) == 0
}
