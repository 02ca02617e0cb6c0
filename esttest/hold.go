package esttest

import (
	"fmt"
	"testing"
)

// Point is a kind of step that can be held back: see [Cluster.Hold].
type Point struct {
	what string
	room string
	on   int // instance, from 1; 0 is any
	conn connName
}

// CommitOf is a commit to a room, before it takes place.
func CommitOf(room string) Point { return Point{what: "commit", room: room} }

// AnswerOf is the answer of a commit to a room, after it has taken place.
func AnswerOf(room string) Point { return Point{what: "answer", room: room} }

// LoadOf is a look at the store, which an instance takes when it first enters a room.
func LoadOf(room string) Point { return Point{what: "load", room: room} }

// SubscriptionOf is an instance's subscription to a room.
func SubscriptionOf(room string) Point { return Point{what: "subscribe", room: room} }

// MessageOf is a message of a room on its way to an instance, and all that are behind it.
func MessageOf(room string) Point { return Point{what: "message", room: room} }

// EffectOf is a side effect of a client's connection, before it is performed.
func EffectOf(c *Client) Point { return Point{what: "effect", conn: c.name} }

// NoticeOf is the moment when its instance notices that a client's connection is over.
func NoticeOf(c *Client) Point { return Point{what: "notice", conn: c.name} }

// On is the point on one instance only, counted from 0.
func (p Point) On(instance int) Point {
	p.on = instance + 1
	return p
}

// String says what is held.
func (p Point) String() string {
	s := p.what
	if p.room != "" {
		s += fmt.Sprintf(" of %q", p.room)
	}
	if p.conn.client != 0 {
		s += " of " + p.conn.String()
	}
	if p.on > 0 {
		s += fmt.Sprintf(" on instance %d", p.on-1)
	}
	return s
}

// Held is one step that is held back, or will be.
type Held struct {
	t      testing.TB
	point  Point
	found  *step // what is held
	over   bool
	settle func()
}

// Hold parks the next step that what describes: it does not happen, nor does
// anything that has to come after it, until Release. What comes later and is of
// the same kind is not held.
func (c *Cluster[C, R]) Hold(what Point) *Held {
	if what.on > len(c.s.nodes) {
		what.on = (what.on-1)%len(c.s.nodes) + 1
	}
	h := &Held{t: c.t, point: what, settle: c.Settle}
	c.s.split = c.s.split || what.what == "answer"
	c.holds = append(c.holds, h)
	return h
}

// Release lets the step happen, and everything that follows from it. It fails the
// test if nothing was held: then the test doesn't show what it seems to.
func (h *Held) Release() {
	h.t.Helper()
	switch {
	case h.over:
		h.t.Fatalf("esttest: release: the %v was released before", h.point)
	case h.found == nil:
		h.t.Fatalf("esttest: release: no %v came up since Hold, so nothing was held", h.point)
	}
	h.over = true
	h.settle()
}

// held says whether a step is parked, and parks it where it is the one waited for.
func (c *Cluster[C, R]) held(ch choice) bool {
	st := c.s.named(ch)
	for _, h := range c.holds {
		switch {
		case h.over:
		case h.found != nil && *h.found == st:
			return true
		case h.found == nil && h.point.matches(st):
			h.found = &st
			return true
		}
	}
	return false
}

// matches says whether the step is one of the point.
func (p Point) matches(st step) bool {
	asks := st.do == ask || st.do == perform
	is := false
	switch p.what {
	case "commit":
		is = asks && st.op == commit
	case "answer":
		is = st.do == answer && st.op == commit
	case "load":
		is = asks && st.op == load
	case "subscribe":
		is = asks && st.op == subscribe
	case "message":
		is = st.do == hear
	case "effect":
		return (st.do == effectAsk || st.do == effect) && st.conn == p.conn
	case "notice":
		return st.do == notice && st.conn == p.conn
	}
	return is && st.room == p.room && (p.on == 0 || p.on == st.inst)
}
