package esttest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/spinneyio/est/core"
)

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
func (s *sim[C, R]) settle(held func(choice[C, R]) bool) {
	s.calmDown(held)
	if held != nil {
		s.catchUp(func() { s.calmDown(held) })
	}
}

func (s *sim[C, R]) calmDown(held func(choice[C, R]) bool) {
	var left []choice[C, R]
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
func (s *sim[C, R]) runQuietly(ch choice[C, R]) {
	switch ch.do {
	case notice:
		s.close(ch.c)
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
func (s *sim[C, R]) waiting(to []choice[C, R]) []choice[C, R] {
	for _, n := range s.nodes {
		for i := range n.sites {
			t := n.sites[(i+s.turns)%len(n.sites)]
			for _, o := range []*op[C]{&t.link, &t.ask} {
				v := whole(o.done)
				if !o.done && s.split && o.kind == commit {
					v = perform
				}
				if o.kind != noOp {
					to = append(to, t.can(v, o.kind))
				}
			}
			if len(t.queue) > 0 {
				to = append(to, t.can(hear, noOp))
			}
			if t.list.done || t.list.kind == enlist && !t.list.sent {
				to = append(to, t.can(whole(t.list.done), enlist))
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

// finish ends a run: the faults end, what must then be is looked at, all clients
// leave, and what must be after that is looked at.
func (s *sim[C, R]) finish() {
	if s.failed == nil {
		s.tell(lane{}, lane{}, false, "the faults end, and everything settles")
		s.heal()
	}
	if s.failed == nil {
		s.settled()
	}
	if s.failed == nil && s.model.Eventually != nil {
		s.property("Eventually", s.model.Eventually)
	}
	if s.failed != nil {
		return
	}
	s.tell(lane{}, lane{}, false, "all clients leave, and everything settles")
	for _, c := range s.conns {
		if c.open {
			c.open = false
			s.close(c)
		}
	}
	s.settle(nil)
	if s.failed == nil {
		s.settled()
		s.deserted()
		s.desertedWatched()
	}
}

// settled looks at what must be when nothing is left to happen.
func (s *sim[C, R]) settled() {
	for _, c := range s.conns {
		switch {
		case c.crashed:
		case c.mustClose && c.open:
			s.fail("close", "a transition of %v that was committed asked for its close, and it is still open", c.name)
		case len(c.owed) > 0:
			s.fail("effects", "a transition of %v that was committed asked for the side effect %s, which was never performed", c.name, show(c.owed[0]))
		}
		for _, e := range c.expect {
			unknown := c.site != nil && c.site.lost > 0 && e.at.Seq >= c.site.lost // no message came since
			if !e.maybe && !c.crashed && !unknown {
				s.fail("missed-message", "%v is a member of %s and never heard its message %d: %s", c.name, strconv.Quote(c.room), e.at.Seq, e.text)
			}
		}
	}
	s.outlivedWatched()
	s.lostMembers()
	for _, r := range s.rooms {
		value := valueOf(r.state)
		for _, c := range s.conns {
			if c.over && bytes.Contains(value, []byte(c.id)) {
				s.fail("dead-reference", "the state of %s still names connection %v, which is over, and nothing is left that could change it: %s", strconv.Quote(r.key), c.name, value)
			}
		}
	}
}

// deserted looks at what must be when everybody has left.
func (s *sim[C, R]) deserted() {
	for _, r := range s.rooms {
		rec := r.state.Record(true)
		for _, m := range rec.Members {
			s.fail("clean-up", "everybody has left, and %v is still a member of %s", s.connOf(core.ConnID(m.ID)).name, strconv.Quote(r.key))
		}
		switch {
		case rec.Value == nil:
		case isEmpty[R](rec.Value):
			s.fail("clean-up", "everybody has left %s, and an empty state stays in the store for ever: delete it (core.Delete): %s", strconv.Quote(r.key), rec.Value)
		default:
			s.stats.Kept++
			if !s.p.habits.known {
				s.p.habits.tidy = false
			} else if s.p.habits.tidy {
				s.fail("clean-up", "everybody has left %s, and its state stays in the store for ever, where it goes in runs without concurrency and faults: %s", strconv.Quote(r.key), rec.Value)
			}
		}
	}
	for _, n := range s.nodes {
		if n.up && (len(n.sites) > 0 || !n.lobby.m.Idle()) {
			s.fail("clean-up", "everybody has left, and instance %d still keeps machines of %d rooms", n.number, len(n.sites))
		}
	}
}

// isEmpty says whether a stored state holds nothing: no text, no number but 0, in
// no depth.
func isEmpty[R any](value []byte) bool {
	var r R
	if json.Unmarshal(value, &r) == nil && reflect.ValueOf(&r).Elem().IsZero() {
		return true
	}
	var v any
	return json.Unmarshal(value, &v) == nil && hollow(v)
}

func hollow(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, e := range v {
			if !hollow(e) {
				return false
			}
		}
		return true
	}
	return false
}
