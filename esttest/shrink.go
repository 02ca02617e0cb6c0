package esttest

import (
	"crypto/sha256"
	"encoding/binary"
)

// shrinkBudget bounds a shrink.
type shrinkBudget struct {
	runs int         // at most so many; 0: 3,000
	stop func() bool // asked before each run: true ends the shrinking; nil: only runs does
}

// shrink looks for the smallest list of decisions, in the order of [size], that
// fails the same check as found does. It returns the smallest that it met, with
// its verdict, and how many runs it took to get there. What is found is a local
// minimum: none of the passes below makes it smaller. The same failure, attempt
// and number of runs give the same result.
//
// A failure that does not happen again at once is returned as it is, with tried 1.
func shrink(found verdict, run attempt, budget shrinkBudget) (least verdict, tried int) {
	if found.failed == nil {
		return found, 0
	}
	if budget.runs == 0 {
		budget.runs = 3000
	}
	s := &shrinker{run: run, check: found.failed.check, budget: budget, seen: map[listKey]bool{}}
	if !s.begin(found) {
		return found, s.tried
	}
	s.pool = textsOf(s.least.steps)
	s.rooms = distinct(s.least.steps, func(st step) string { return st.room })

	// Cheap and far-reaching passes come first, so that the later ones work on
	// short lists; what they change may let the earlier ones go on.
	s.untilStable(
		func() {
			s.untilStable(s.faultKinds, s.heal, s.actors, s.chunks, s.strangers, s.pairs, s.merge, s.calm, s.unite)
			s.untilStable(s.gather, s.rename, s.reuseTexts)
		},
		s.prefixes,
		s.anyTwo,
		s.uniteAndMore,
		s.mirrorAndMore,
		s.lowerSeeds,
	)
	return s.least, s.tried
}

// shrinker holds the smallest failure so far. Passes read least, which is never
// written to, and give smaller candidates to try.
type shrinker struct {
	run    attempt
	check  string
	budget shrinkBudget
	tried  int
	ended  bool
	seen   map[listKey]bool // lists that need not run any more
	pool   texts            // what clients sent in the failure that was found
	rooms  []string         // where it took place
	least  verdict
	size   size
}

// begin makes the failure happen again: what does not is beyond a shrinker.
func (s *shrinker) begin(found verdict) bool {
	if s.over() {
		return false
	}
	s.tried++
	v := s.run(found.steps)
	if !s.same(v) {
		return false
	}
	s.accept(v)
	return true
}

// try runs a candidate, and reports whether it is the new least. A list that was
// tried before is not run again: it either did not fail, or was not smaller than a
// least that has only become smaller since.
func (s *shrinker) try(steps []step) bool {
	steps = tidy(steps)
	key := keyOf(steps)
	if s.seen[key] || s.over() {
		return false
	}
	s.seen[key] = true
	s.tried++
	v := s.run(steps)
	if !s.same(v) || !sizeOf(v.steps).less(s.size) {
		return false
	}
	s.accept(v)
	return true
}

func (s *shrinker) same(v verdict) bool {
	return v.failed != nil && v.failed.check == s.check
}

// accept goes on from what was possible: steps that were passed over are gone.
func (s *shrinker) accept(v verdict) {
	s.least, s.size = v, sizeOf(v.steps)
	s.seen[keyOf(v.steps)] = true
}

// over reports whether the budget is used up, and stays true once it is.
func (s *shrinker) over() bool {
	if !s.ended {
		s.ended = s.tried >= s.budget.runs || s.budget.stop != nil && s.budget.stop()
	}
	return s.ended
}

// untilStable runs the passes in turn until a whole turn has changed nothing.
func (s *shrinker) untilStable(passes ...func()) {
	for changed := true; changed; {
		before := s.size
		for _, pass := range passes {
			if s.over() {
				return
			}
			pass()
		}
		changed = s.size.less(before)
	}
}

// listKey stands for a list of steps.
type listKey [sha256.Size]byte

func keyOf(steps []step) listKey {
	b := make([]byte, 0, 16*len(steps))
	for _, st := range steps {
		b = append(b, byte(st.do), byte(st.op))
		for _, n := range [...]int{st.conn.client, st.conn.life, st.inst, len(st.room), len(st.text)} {
			b = binary.AppendUvarint(b, uint64(n))
		}
		b = append(append(b, st.room...), st.text...)
	}
	return sha256.Sum256(b)
}

// explain says for each step whether it is necessary: without it alone the failure
// does not happen. It runs once for each step.
func explain(least verdict, run attempt) []bool {
	needed := make([]bool, len(least.steps))
	for i := range least.steps {
		needed[i] = !failsAlike(least, run, tidy(without(least.steps, i)))
	}
	return needed
}

func failsAlike(least verdict, run attempt, steps []step) bool {
	v := run(steps)
	return v.failed != nil && least.failed != nil && v.failed.check == least.failed.check
}
