package esttest

import "slices"

// heal cuts the end off: what follows a list is that all heals and settles, which
// may be all that the failure still needs.
func (s *shrinker) heal() {
	for low := 0; low < len(s.least.steps); {
		half := (low + len(s.least.steps)) / 2
		if !s.try(s.least.steps[:half]) {
			low = half + 1
		}
	}
}

// faultKinds removes all faults, or all of a kind, or calms them.
func (s *shrinker) faultKinds() {
	if s.tryWithoutFaults(verb.fault) {
		return
	}
	for v := range verbCount {
		if v.fault() {
			s.tryWithoutFaults(func(w verb) bool { return w == v })
		}
	}
	s.chunksOf(func(st step) bool { return st.do.fault() })
}

func (s *shrinker) tryWithoutFaults(which func(verb) bool) bool {
	removed := remove(s.least.steps, func(_ int, st step) bool { return which(st.do) })
	if len(removed) == len(s.least.steps) {
		return false
	}
	return s.try(removed) || s.try(change(s.least.steps, func(st step) step {
		if which(st.do) {
			st.do = calmer(st.do)
		}
		return st
	}))
}

// actors removes whoever takes part as a whole: clients, single connections of
// clients, instances, rooms. An instance that is needed may still be another one.
func (s *shrinker) actors() {
	for _, client := range distinct(s.least.steps, func(st step) int { return st.conn.client }) {
		s.tryWithoutConns(func(n connName) bool { return n.client == client })
	}
	conns := func() []connName { return distinct(s.least.steps, func(st step) connName { return st.conn }) }
	// Lives are counted anew when one is removed, so a name is good for one try only.
	for i := 0; i < len(conns()); {
		name := conns()[i]
		if !s.tryWithoutConns(func(n connName) bool { return n == name }) {
			i++
		}
	}
	for _, from := range distinct(s.least.steps, func(st step) int { return st.inst }) {
		at := places(s.least.steps)
		if s.try(remove(s.least.steps, func(i int, _ step) bool { return at[i].inst == from })) {
			continue
		}
		for to := 1; to < from; to++ {
			if s.try(change(s.least.steps, func(st step) step {
				if st.inst == from {
					st.inst = to
				}
				return st
			})) {
				break
			}
		}
	}
	for _, room := range distinct(s.least.steps, func(st step) string { return st.room }) {
		s.try(remove(s.least.steps, func(_ int, st step) bool { return st.room == room }))
	}
}

// tryWithoutConns removes connections: with what the store did for them, or, since
// others may have shared that, without.
func (s *shrinker) tryWithoutConns(gone func(connName) bool) bool {
	steps := s.least.steps
	followers := map[int]bool{}
	for i, st := range steps {
		if st.conn != (connName{}) && gone(st.conn) {
			for _, f := range followersOf(steps, i) {
				followers[f] = true
			}
		}
	}
	try := func(all bool) bool {
		return s.try(remove(steps, func(i int, st step) bool {
			return st.conn != (connName{}) && gone(st.conn) || all && followers[i]
		}))
	}
	return try(true) || try(false)
}

// chunks removes what stands together, in ever smaller pieces.
func (s *shrinker) chunks() {
	s.chunksOf(func(step) bool { return true })
}

// chunksOf is chunks among the steps that are picked. It goes from the end to the
// beginning: what comes late hangs on what comes early.
func (s *shrinker) chunksOf(picked func(step) bool) {
	at := indices(s.least.steps, picked)
	for size := (len(at) + 1) / 2; size > 0 && !s.over(); size /= 2 {
		for end := len(at); end > 0; {
			begin := max(0, end-size)
			chunk := at[begin:end]
			if s.try(remove(s.least.steps, func(i int, _ step) bool {
				_, found := slices.BinarySearch(chunk, i)
				return found
			})) {
				at = indices(s.least.steps, picked)
			}
			end = min(begin, len(at))
		}
	}
}

// remove returns the steps without those that are gone.
func remove(steps []step, gone func(i int, st step) bool) []step {
	rest := make([]step, 0, len(steps))
	for i, st := range steps {
		if !gone(i, st) {
			rest = append(rest, st)
		}
	}
	return rest
}

// without returns the steps but the i-th ones.
func without(steps []step, gone ...int) []step {
	return remove(steps, func(i int, _ step) bool { return slices.Contains(gone, i) })
}

// change returns the changed steps; one that becomes none is left out.
func change(steps []step, changed func(step) step) []step {
	rest := make([]step, 0, len(steps))
	for _, st := range steps {
		if st = changed(st); st.do != none {
			rest = append(rest, st)
		}
	}
	return rest
}

func indices(steps []step, picked func(step) bool) (at []int) {
	for i, st := range steps {
		if picked(st) {
			at = append(at, i)
		}
	}
	return at
}

// distinct returns the different values that steps have but the zero one, the
// latest to appear first.
func distinct[T comparable](steps []step, of func(step) T) (all []T) {
	var zero T
	for _, st := range steps {
		if v := of(st); v != zero && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	slices.Reverse(all)
	return all
}
