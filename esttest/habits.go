package esttest

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// habits are what always holds in runs without concurrency and faults, at each
// moment when all is quiet. They are learned there, and then they must always
// hold: an integration that keeps its members in the room's state does so in
// every order of events, and one that lets rooms outlive their members may.
type habits struct {
	known      bool // the following was learned
	seen       int  // members that were looked at
	tidy       bool // a room's state goes when everybody leaves
	conns      bool // the state names the connection of each member
	identities bool // the state has the identity of each member
}

// enough is how many members must have been looked at to speak of a habit.
const enough = 20

func newHabits() habits { return habits{tidy: true, conns: true, identities: true} }

// learn looks at a quiet moment.
func (s *sim[C, R]) learn() {
	h := &s.p.habits
	for _, c := range s.conns {
		if c.member && c.open {
			state := valueOf(s.record(c.room).state)
			h.seen++
			h.conns = h.conns && names(state, string(c.id))
			h.identities = h.identities && c.identity != "" && names(state, c.identity)
		}
	}
}

// end ends the learning.
func (h *habits) end() {
	h.known = true
	if h.seen < enough {
		h.conns, h.identities = false, false
	}
}

// names says whether a JSON text has a string, as a value or as a key.
func names(state []byte, text string) bool {
	quoted, err := json.Marshal(text)
	return err == nil && bytes.Contains(state, quoted)
}

// lostMembers looks for members that the state of their room doesn't have.
func (s *sim[C, R]) lostMembers() {
	h := &s.p.habits
	if !h.known {
		return
	}
	for _, c := range s.conns {
		if !c.member || !c.open {
			continue
		}
		state := valueOf(s.record(c.room).state)
		what := ""
		switch {
		case h.conns && !names(state, string(c.id)):
			what = "its connection"
		case h.identities && !names(state, c.identity):
			what = "its identity " + strconv.Quote(c.identity)
		default:
			continue
		}
		if state == nil {
			state = []byte("(absent)")
		}
		s.fail("lost-member", "%v is a member of %s and connected, all is quiet, and the state doesn't have %s, as it always does without concurrency and faults: %s",
			c.name, strconv.Quote(c.room), what, state)
	}
}
