package esttest

import "slices"

// Jumps change two things at once, where neither alone makes a smaller failure. That
// is many candidates, so most are for short lists.
const jumpable = 16

// anyTwo removes any two steps.
func (s *shrinker) anyTwo() {
	for i := len(s.least.steps) - 1; i > 0; i-- {
		for k := i - 1; k >= 0; k-- {
			if i < min(jumpable, len(s.least.steps)) {
				s.try(without(s.least.steps, i, k))
			}
		}
	}
}

// prefixes cuts the end off at every place: a prefix may fail where a longer one,
// which heal tried, does not.
func (s *shrinker) prefixes() {
	for n := 0; n < min(jumpable, len(s.least.steps)); n++ {
		if s.try(s.least.steps[:n]) {
			return
		}
	}
}

// unite has one connection do what two did.
func (s *shrinker) unite() { s.uniteBy(s.try) }

// uniteAndMore also removes one more step: what the store did for the other one may be too much.
func (s *shrinker) uniteAndMore() { s.uniteBy(s.tryOneLess) }

// mirrorAndMore has two instances change places, and removes a step. Healing
// goes from the first to the last, so it may then do what that step did.
func (s *shrinker) mirrorAndMore() {
	insts := distinct(s.least.steps, func(st step) int { return st.inst })
	for i, a := range insts {
		for _, b := range insts[:i] {
			s.tryOneLess(change(s.least.steps, func(st step) step {
				switch st.inst {
				case a:
					st.inst = b
				case b:
					st.inst = a
				}
				return st
			}))
		}
	}
}

// uniteBy makes the steps of another connection one's own, but for its connect, and
// its hello where one has that too: together with what one did, or in place of it.
func (s *shrinker) uniteBy(try func([]step) bool) {
	const few = 5
	conns := distinct(s.least.steps, func(st step) connName { return st.conn })
	if len(conns) > few {
		return
	}
	for _, one := range conns {
		for _, other := range conns {
			// Names change when a connection is gone: go on in the next turn.
			if one != other && (try(united(s.least.steps, one, other, true)) || try(united(s.least.steps, one, other, false))) {
				return
			}
		}
	}
}

func united(steps []step, one, other connName, both bool) []step {
	at := positions(steps)
	greets := slices.ContainsFunc(indices(steps, func(st step) bool { return st.conn == one }), func(i int) bool { return at[i] == hello })
	all := make([]step, 0, len(steps))
	for i, st := range steps {
		switch {
		case st.conn == other && (st.do == connect || greets && at[i] == hello),
			st.conn == one && st.do != connect && at[i] != hello && !both:
			continue
		case st.conn == other:
			st.conn = one
		}
		all = append(all, st)
	}
	return all
}

// tryOneLess tries the steps without each of them.
func (s *shrinker) tryOneLess(steps []step) bool {
	if len(steps) > jumpable {
		return false
	}
	for i := range slices.Backward(steps) {
		if s.try(without(steps, i)) {
			return true
		}
	}
	return false
}
