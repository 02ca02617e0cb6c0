package esttest

import "github.com/spinneyio/est/core"

// settling bounds what may happen, without any input, until all is quiet.
func (s *sim[C, R]) settling() int { return 300 + 10*s.steps }

// heal ends all faults, and has everything happen that waits, until nothing does.
// What the clients have broken off is noticed; they do nothing of their own.
func (s *sim[C, R]) heal() {
	s.lates = nil
	for _, n := range s.nodes {
		n.paused, n.away = false, false
		if n.cut && n.up {
			s.runNode(n.can(join))
		}
		for _, t := range n.sites {
			if t.lost > 0 { // and nothing comes behind it that would show: in the end it is told
				t.queue, t.lost = append(t.queue, core.Doubted{}), 0
			}
		}
	}
	for _, c := range s.conns {
		if !c.open && !c.over {
			s.close(c)
		}
	}
	s.heedNoMore()
	s.settle(nil)
	s.outlive()
	if s.failed == nil {
		s.look()
	}
}

// settle has everything happen that waits, the oldest first, but for what held
// parks. Messages and answers take turns, so that nobody starves.
func (s *sim[C, R]) settle(held func(choice) bool) {
	s.calmDown(held)
	if held != nil {
		s.catchUp(func() { s.calmDown(held) })
	}
}

func (s *sim[C, R]) calmDown(held func(choice) bool) {
	var left []choice
	most := s.settling()
	for range most {
		if s.failed != nil {
			return
		}
		left = s.waiting(left[:0])
		done := false
		for _, ch := range left {
			if held == nil || !held(ch) {
				s.turns++
				s.stats.Settled++
				s.tick()
				s.runQuietly(ch)
				done = true
				break
			}
		}
		if !done {
			return
		}
	}
	s.fail("quiescence", "nothing comes from outside any more, and after %d further steps it is still not quiet: do messages lead to messages for ever?", most)
}

// runQuietly is run for what happens by itself, and is no decision.
func (s *sim[C, R]) runQuietly(ch choice) {
	switch ch.do {
	case notice:
		s.close(s.conns[ch.at])
	case perform, ask, answer:
		s.runStore(ch)
	case hear:
		s.runMessage(ch)
	default:
		s.runEffect(ch)
	}
	s.deliver()
	s.changed = true
	s.look()
}

// waiting is what would happen by itself, in an order that changes with time, so
// that it is fair.
func (s *sim[C, R]) waiting(to []choice) []choice {
	for _, n := range s.nodes {
		for i := range n.sites {
			at := (i + s.turns) % len(n.sites)
			t := n.sites[at]
			for _, o := range []*op[C]{&t.link, &t.ask} {
				v := whole(o.done)
				if !o.done && s.split && o.kind == commit {
					v = perform
				}
				if o.kind != noOp {
					to = append(to, n.canAt(at, v, o.kind))
				}
			}
			if len(t.queue) > 0 {
				to = append(to, n.canAt(at, hear, noOp))
			}
			if t.list.done || t.list.kind == enlist && !t.list.sent {
				to = append(to, n.canAt(at, whole(t.list.done), enlist))
			}
		}
		if n.pulse == nil {
			continue
		}
		for i := range n.pulse.chores {
			to = append(to, n.canChore(whole(n.pulse.chores[i].done), i))
		}
	}
	for _, c := range s.conns {
		if !c.open && !c.over {
			to = append(to, c.can(notice))
		}
		if len(c.work) > 0 && s.performer(c).up {
			v := effectAsk
			if c.work[0].done {
				v = effectAnswer
			}
			to = append(to, c.can(v))
		}
	}
	return to
}

// whole is what is left of asking and being answered.
func whole(done bool) verb {
	if done {
		return answer
	}
	return ask
}
