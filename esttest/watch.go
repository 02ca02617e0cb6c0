package esttest

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// What the checks know of a connection. It comes from the store and from what the
// application decided, and not from the machine that is being watched.

type watch[C any] struct {
	crashed   bool // with its instance
	member    bool // stored in room
	room      string
	identity  string
	since     core.Position // of the last message before the commit that made it a member there
	last      core.Position // of the messages that it heard
	expect    []expected    // messages that it must still hear
	fresh     *deal[C]      // what it joined, resynced or changed its identity in
	owed      []any         // side effects that were committed and not handed out yet
	mustClose bool          // a transition that counts asked for its close
	machine   string        // instance life that it is stored under
}

// expected is a message that a member has to hear.
type expected struct {
	at    core.Position
	to    string
	maybe bool // whether it gets it depends on the order within one commit
	text  []byte
}

// closeWatched: nothing more goes to the connection.
func (s *sim[C, R]) closeWatched(c *conn[C, R]) { c.expect = nil }

// settleDeal takes in what was released at the end of a step.
func (s *sim[C, R]) settleDeal(d *deal[C]) {
	if d == nil {
		return
	}
	for _, x := range d.here {
		c := s.connOf(x.conn)
		c.owed = append(c.owed, x.perform...) // what was not handed out with the step
		s.counts(c, x)
	}
}

// counts takes in a transition that counts: it was released, or committed.
func (s *sim[C, R]) counts(c *conn[C, R], x call) {
	c.mustClose = c.mustClose || x.closes
	switch x.phase {
	case delivering:
		if c.site != nil {
			s.heard(c, c.room, x.at, x.to)
		}
	case resyncing:
		c.expect = nil
	}
}

// performWatched: the machine hands out a side effect. It must be one that was
// committed, and the next in order.
func (s *sim[C, R]) performWatched(c *conn[C, R], fx core.Perform, d *deal[C]) {
	if len(c.owed) > 0 && reflect.DeepEqual(c.owed[0], fx.Effect) {
		c.owed = c.owed[1:]
		return
	}
	if d != nil {
		for i := range d.here {
			if x := &d.here[i]; x.conn == c.id && len(x.perform) > 0 && reflect.DeepEqual(x.perform[0], fx.Effect) {
				x.perform = x.perform[1:]
				return
			}
		}
	}
	s.fail("effects", "the side effect %s of %v is performed, and no transition that was committed asked for it just now", show(fx.Effect), c.name)
}

// commitWatched: a commit has taken place.
func (s *sim[C, R]) commitWatched(r *record, before broker.State, fx core.Commit, d *deal[C], receipt broker.Receipt) {
	if s.p.deep && fx.Op != core.Keep {
		r.past = append(r.past, stateAt{before.Record(false).At.Seq, valueOf(r.state)})
	}
	if d == nil {
		return
	}
	d.applied = true
	s.fold(r, before, fx, d)
	left := 0
	for _, x := range d.inside {
		c := s.connOf(x.conn)
		if x.phase == leaving {
			left++
		}
		if !c.crashed {
			c.owed = append(c.owed, x.perform...)
			s.counts(c, x)
		}
		if x.phase == resyncing {
			c.fresh = d
		}
	}
	removed := 0
	for _, m := range fx.Members {
		c := s.connOf(m.Conn)
		switch m.Op {
		case core.AddMember:
			c.member, c.room, c.since, c.expect, c.last = true, r.key, core.Position(before.Record(false).At), nil, core.Position{}
			s.seated(c, m.Data, d)
			c.fresh = d
			s.stats.Joined++
		case core.UpdateMember:
			s.seated(c, m.Data, d)
		case core.RemoveMember:
			removed++
			c.member, c.expect = false, nil
			s.stats.Left++
		}
	}
	if left < removed {
		s.fail("leave", "a commit removes %d members and ran Leave for %d", removed, left)
	}
}

// seated takes in what the store has of a member.
func (s *sim[C, R]) seated(c *conn[C, R], data []byte, d *deal[C]) {
	m, err := core.DecodeMember(data)
	if err != nil {
		s.fail("outcome", "%v", err)
		return
	}
	c.machine = m.Instance
	if m.Identity != c.identity {
		c.identity, c.fresh = m.Identity, d
		for i := range c.expect {
			c.expect[i].maybe = c.expect[i].maybe || c.expect[i].to != ""
		}
	}
}

// messageWatched: a message has got its place in the room's log.
func (s *sim[C, R]) messageWatched(r *record, at core.Position, m core.Delivery, d *deal[C]) {
	for _, c := range s.conns {
		if c.member && c.room == r.key && !c.over && !c.closing && c.id != m.From && (m.All || m.To == c.identity) {
			c.expect = append(c.expect, expected{at: at, to: m.To, maybe: d != nil && c.fresh == d, text: m.Body})
		}
	}
}

// heard: a connection heard the message at a position.
func (s *sim[C, R]) heard(c *conn[C, R], key string, at core.Position, to string) {
	if c.over || c.closing || c.crashed {
		return
	}
	for i, e := range c.expect {
		if e.at != at {
			continue
		}
		for _, missed := range c.expect[:i] {
			if !missed.maybe {
				s.fail("missed-message", "%v hears message %d of %s and never heard message %d before it: %s", c.name, at.Seq, strconv.Quote(key), missed.at.Seq, missed.text)
			}
		}
		c.expect, c.last = c.expect[i+1:], at
		return
	}
	switch {
	case at.Epoch == c.last.Epoch && at.Seq <= c.last.Seq:
		s.fail("order", "%v hears message %d of %s after message %d", c.name, at.Seq, strconv.Quote(key), c.last.Seq)
	case c.member && to != "" && to == c.identity && at.Seq > c.since.Seq:
		c.last = at // its identity has changed to that since
	default:
		s.fail("wrong-target", "%v hears message %d of %s, which is not for it: it sent it itself, has another identity, or was not a member then", c.name, at.Seq, strconv.Quote(key))
	}
}

// unowed: a machine stops asking for a commit, so what its transitions asked for need
// not happen. An orphan's own instance may still owe it what went before.
func (s *sim[C, R]) unowed(t *site[C, R], d *deal[C]) {
	for _, x := range d.inside {
		if t.isOrphan(x.conn) {
			s.debts = slices.DeleteFunc(s.debts, func(d debt) bool { return d.writer == t.writer && d.conn == x.conn })
			continue
		}
		c := s.connOf(x.conn)
		c.owed, c.mustClose = nil, false
	}
}
