package esttest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/spinneyio/est/core"
)

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
			if !e.maybe && !c.crashed {
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
