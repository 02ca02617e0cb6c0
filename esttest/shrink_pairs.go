package esttest

// ends says which verbs end what a verb began, for the same connection, instance
// or operation of a room. One without the other is often not possible, or fails
// another check.
var ends = map[verb][]verb{
	connect: {hangUp, notice, expire, clog},
	snap:    {notice},
	perform: {answer, lose, giveUp},
	effect:  {effectAnswer},
	giveUp:  {land, forget},
	twice:   {hear},
	delay:   {hear},
	cut:     {join},
	crash:   {restart},
	pause:   {resume},
	away:    {back},
}

// pairs removes together what belongs together.
func (s *shrinker) pairs() {
	for i := len(s.least.steps) - 1; i >= 0; i-- {
		if i >= len(s.least.steps) {
			continue
		}
		if end := endOf(s.least.steps, i); end > 0 && s.try(without(s.least.steps, i, end)) {
			continue
		}
		if followers := followersOf(s.least.steps, i); followers != nil {
			s.try(without(s.least.steps, append(followers, i)...))
		}
	}
}

// merge makes one step of two that are its halves, at the place of either.
func (s *shrinker) merge() {
	for i := 0; i < len(s.least.steps); i++ {
		first := s.least.steps[i]
		whole := wholeOf(first.do)
		if whole == none {
			continue
		}
		first.do = whole
		if end := endOf(s.least.steps, i); end > 0 {
			if s.try(without(replace(s.least.steps, i, first), end)) ||
				s.try(without(replace(s.least.steps, end, first), i)) {
				continue
			}
		}
		s.try(replace(s.least.steps, i, first))
	}
}

// calm puts what should have happened in place of a fault, one by one. In a short
// list it may also happen later: what was broken off long before it was noticed is
// closed then.
func (s *shrinker) calm() {
	const few = 24
	for i := len(s.least.steps) - 1; i >= 0; i-- {
		steps := s.least.steps
		if i >= len(steps) || !steps[i].do.fault() || calmer(steps[i].do) == none {
			continue
		}
		st := steps[i]
		st.do = calmer(st.do)
		if s.try(replace(steps, i, st)) {
			continue
		}
		for to := len(steps); to > i+1 && len(steps) <= few; to-- {
			if s.try(move(replace(steps, i, st), i, i+1, to)) {
				break
			}
		}
	}
}

// wholeOf is the verb that does what v and its end do.
func wholeOf(v verb) verb {
	switch v {
	case perform, answer:
		return ask
	case effect, effectAnswer:
		return effectAsk
	case snap:
		return hangUp
	}
	return none
}

// calmer is what happens where the fault v does not, or none.
func calmer(v verb) verb {
	switch v {
	case fail:
		return ask
	case lose:
		return answer
	case drop, twice, delay:
		return hear
	case effectFails:
		return effectAsk
	case snap, expire, clog:
		return hangUp
	}
	return none
}

// endOf returns the index of the first step that ends what the i-th one began, or 0.
func endOf(steps []step, i int) int {
	begun := steps[i]
	for k := i + 1; k < len(steps); k++ {
		st := steps[k]
		if begun.conn != st.conn || begun.conn == (connName{}) && begun.inst != st.inst ||
			begun.room != st.room || begun.op != noOp && st.op != noOp && begun.op != st.op {
			continue
		}
		for _, end := range ends[begun.do] {
			if st.do == end {
				return k
			}
		}
	}
	return 0
}

// followersOf returns what a message asked of the store: the steps of one room on
// its instance until the next commit is over, or the connection's next step.
func followersOf(steps []step, i int) (at []int) {
	switch steps[i].do {
	case connect, send, hangUp, notice, expire, clog:
	default:
		return nil
	}
	home, room := places(steps)[i].inst, ""
	for k := i + 1; k < len(steps); k++ {
		st := steps[k]
		if st.conn == steps[i].conn {
			return at
		}
		if st.inst != home || st.room == "" || room != "" && st.room != room {
			continue
		}
		switch st.do {
		case perform, answer, ask, fail, lose:
			room = st.room
			at = append(at, k)
			if st.op == commit && st.do != perform {
				return at
			}
		}
	}
	return at
}

func replace(steps []step, i int, with step) []step {
	all := append([]step(nil), steps...)
	all[i] = with
	return all
}
