package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/internal/redistest"
)

// What must hold for a conversation of two, whatever happened to the store, the
// network or a process: no message gets lost without a word. That is:
//
//  1. What a person said was acknowledged, or they were told that it may not have
//     been passed on: their connection has ended.
//  2. What was acknowledged was heard by the other one. Only what lies between two
//     of their connections may be missing: they were told to come back.
//  3. Nothing is heard twice, or out of order.
//  4. A connection ends with a code that tells the client to come back; or with
//     the application's own word that nobody is there to hear.

// checkFates looks at all that two people said and heard, once they have settled.
func checkFates(t *testing.T, a, b *person) {
	t.Helper()
	checkHeard(t, a.checkTold(), b)
	checkHeard(t, b.checkTold(), a)
}

// checkTold returns what was acknowledged to s.
func (s *person) checkTold() (passed []int) {
	s.t.Helper()
	for i, v := range s.visits {
		passed = append(passed, v.passed...)
		last := s.said
		if i+1 < len(s.visits) {
			last = s.visits[i+1].from - 1
		}
		for n := v.from; n <= last && !v.ended; n++ {
			if !slices.Contains(v.passed, n) {
				s.t.Errorf("%s was never told what became of %d: %s", s.name, n, v)
			}
		}
		switch {
		case !v.ended, v.code == core.CloseComeBack:
		case v.code == core.CloseTryLater && v.failure == "comm 1013":
		case v.code == core.CloseNormal && v.failure == "transfer 1": // the peer had to come back, and was away
		case v.code == 0 && v.on.killed:
		default:
			s.t.Errorf("%s was closed for no good reason: %s", s.name, v)
		}
	}
	return passed
}

// checkHeard checks what a person heard of what was acknowledged to the peer.
func checkHeard(t *testing.T, passed []int, s *person) {
	t.Helper()
	heard := 0 // the last one
	missing := func(v *visit, from, to int) {
		for n := from; n < to; n++ {
			if slices.Contains(passed, n) {
				t.Errorf("%s missed %d, and was not told: %s", s.name, n, v)
			}
		}
	}
	for i, v := range s.visits {
		away := v.missed // what was said by then may be missing, but not after the first message
		for _, n := range v.heard {
			if n <= heard {
				t.Errorf("%s heard %d again, or too late: %s", s.name, n, v)
			}
			missing(v, max(heard, away)+1, n)
			heard, away = max(heard, n), 0
		}
		if i == len(s.visits)-1 && !v.ended {
			missing(v, max(heard, away)+1, s.peer.said+1)
		}
	}
}

// talk lets two people who are there say one more message each. Both have to be
// acknowledged and heard, on connections that stay.
func talk(t *testing.T, a, b *person) {
	t.Helper()
	if !exchange(a, b) {
		t.Fatalf("they can't talk:\n%s: %s\n%s: %s", a.name, a.now(), b.name, b.now())
	}
}

// goOn lets two people come back as often as they are told to, until they can talk.
func goOn(t *testing.T, a, b *person) {
	t.Helper()
	for range 10 { // a reconnect of either process is a gap of each connection at most
		for _, s := range []*person{a, b} {
			s.settle()
			s.look()
			if s.now().ended {
				s.enter(s.now().on)
			}
		}
		if exchange(a, b) {
			return
		}
	}
	t.Fatalf("they are told to come back for ever:\n%s: %s\n%s: %s", a.name, a.now(), b.name, b.now())
}

// exchange lets both say a message. It says false if one of them was closed.
func exchange(a, b *person) bool {
	a.t.Helper()
	for _, pair := range [][2]*person{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		from.say(1)
		from.settle()
		if from.now().ended {
			return false
		}
		to.until("the message is heard", func() bool { return slices.Contains(to.now().heard, from.said) })
		if to.now().ended {
			return false
		}
	}
	return true
}

// finish ends a test of two people who are in a room and have just talked. It looks
// at their fates, and into the store: the seats are theirs; and when the processes
// have stopped, nothing is left of the room.
func finish(t *testing.T, server *redistest.Server, dana, carl *person) {
	t.Helper()
	checkFates(t, dana, carl)
	value, err := server.Command("HGET", "consult:r:{consult:"+dana.room+"}", "v")
	must(t, err)
	text, _ := value.(string)
	var room struct{ Dietitian, Client struct{ Conn string } }
	if err := json.Unmarshal([]byte(text), &room); err != nil {
		t.Fatalf("the store has %q as the room: %v", text, err)
	}
	if room.Dietitian.Conn != dana.now().seat || room.Client.Conn != carl.now().seat {
		t.Errorf("the seats are not those of %s and %s: %s", dana.now().seat, carl.now().seat, text)
	}

	for _, s := range []*person{dana, carl} { // with all that has not left yet
		for _, v := range s.visits {
			v.on.stop()
		}
	}
	left, err := server.Command("HKEYS", "consult:m:{consult:"+dana.room+"}")
	must(t, err)
	if members := left.([]any); len(members) > 0 {
		t.Errorf("these are members for ever: %q", members)
	}
	value, err = server.Command("HGET", "consult:r:{consult:"+dana.room+"}", "v")
	must(t, err)
	if value != nil {
		t.Errorf("nobody is there, but the room still is: %s", value)
	}
}
