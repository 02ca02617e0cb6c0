package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/core"
)

// person sits in a room of consult, says numbered messages, and writes down all
// that they are told. Only the test's goroutine uses one.
type person struct {
	t                *testing.T
	room, name, role string
	peer             *person  // in the other seat
	said             int      // messages: their numbers are 1 and up
	visits           []*visit // the last one may be going on
}

// visit is a connection of a person.
type visit struct {
	on     *program
	conn   *websocket.Conn
	frames chan frame // closed when the connection has ended
	ended  bool
	code   core.CloseCode // with which it ended; 0: it broke

	from    int      // the first message that is said in it
	missed  int      // up to this one, the peer had spoken before the welcome came
	seat    string   // the connection id, as the welcome says
	other   string   // that of who sits in the other seat by then, "" if nobody
	passed  []int    // own messages that are acknowledged
	heard   []int    // messages of the peer
	news    []string // connect, reconnect or disconnect of the peer
	looked  int      // how often it was shown that nothing more came before
	failure string
}

// frame has what the fields of all messages say that come from consult.
type frame struct {
	ID      any
	N       int
	Success bool
	Status  string
	Code    int `json:"error-code"`
	Errors  map[string]string
	State   map[string]any
}

// meet lets Dana and Carl join a room, each through a process of their own.
func meet(t *testing.T, room string, one, two *program) (dana, carl *person) {
	t.Helper()
	dana = &person{t: t, room: room, name: "dana", role: "dietitian"}
	carl = &person{t: t, room: room, name: "carl", role: "client", peer: dana}
	dana.peer = carl
	dana.enter(one)
	carl.enter(two)
	dana.until("somebody comes", func() bool { return len(dana.now().news) > 0 })
	return dana, carl
}

// enter lets s join, for the first time or again, and expects a seat.
func (s *person) enter(p *program) {
	s.t.Helper()
	if v := s.join(p); v.seat == "" {
		s.t.Fatalf("%s got no seat: failure %q, closed with %d", s.name, v.failure, v.code)
	}
}

// join says hello, and returns when that is answered.
func (s *person) join(p *program) *visit {
	s.t.Helper()
	v := &visit{on: p, conn: dial(s.t, p.addrs[0]), frames: make(chan frame, 1024), from: s.said + 1}
	s.visits = append(s.visits, v)
	over := make(chan struct{})
	go func() { defer close(over); v.read(s.t) }()
	s.t.Cleanup(func() { v.conn.CloseNow(); <-over })
	s.write(map[string]any{"auth": "secret", "user": s.name, "room": s.room, "role": s.role})
	s.until("its hello is answered", func() bool { return v.seat != "" })
	v.missed = s.peer.said
	return v
}

// read ends with the connection, which the test closes.
func (v *visit) read(t *testing.T) {
	defer close(v.frames)
	for {
		_, text, err := v.conn.Read(t.Context())
		if err != nil {
			v.code = core.CloseCode(max(0, websocket.CloseStatus(err)))
			return
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		v.frames <- f
	}
}

// now is the visit that is going on, or was the last one.
func (s *person) now() *visit { return s.visits[len(s.visits)-1] }

func (s *person) write(message any) {
	s.t.Helper()
	text, err := json.Marshal(message)
	if err != nil {
		s.t.Fatal(err)
	}
	// Who is closed meanwhile finds that out by reading.
	_ = s.now().conn.Write(within(s.t), websocket.MessageText, text)
}

// say sends n messages.
func (s *person) say(n int) {
	s.t.Helper()
	for range n {
		s.said++
		s.write(map[string]any{"id": s.said, "n": s.said})
	}
}

// arrive returns when the instance has read all that was sent.
func (s *person) arrive() {
	s.t.Helper()
	if err := s.now().conn.Ping(within(s.t)); err != nil {
		s.t.Fatalf("%s: %v", s.name, err)
	}
}

// until listens until it is so, or the connection has ended.
func (s *person) until(what string, isSo func() bool) {
	s.t.Helper()
	v, late := s.now(), within(s.t).Done()
	for !v.ended && !isSo() {
		select {
		case f, ok := <-v.frames:
			if !ok {
				v.ended = true
				break
			}
			s.told(v, f)
		case <-late:
			s.t.Fatalf("%s waits in vain until %s; so far: %s", s.name, what, v)
		}
	}
}

func (s *person) told(v *visit, f frame) {
	number, _ := f.ID.(float64)
	switch {
	case f.Errors["comm"] == "Not a JSON object":
		v.looked++
	case f.Errors != nil:
		v.failure = fmt.Sprintf("%v %d", f.ID, f.Code)
	case f.ID == "auth":
		for role, seat := range f.State {
			seat, _ := seat.(map[string]any)
			if id, _ := seat["conn"].(string); role == s.role {
				v.seat = id
			} else if id != "" {
				v.other = id
			}
		}
	case f.Status != "":
		v.news = append(v.news, f.Status)
	case f.N > 0:
		v.heard = append(v.heard, f.N)
	case number > 0 && f.Success:
		v.passed = append(v.passed, int(number))
	default:
		s.t.Errorf("%s does not understand %+v", s.name, f)
	}
}

// look waits until the instance has settled what it has to settle with the store,
// if anything: what is not an object is refused, but not before the room is known.
func (s *person) look() {
	s.t.Helper()
	v := s.now()
	before := v.looked
	s.write([]string{})
	s.until("an array is refused", func() bool { return v.looked > before })
}

// settle listens until all that s said is acknowledged, or the connection has ended.
func (s *person) settle() {
	s.t.Helper()
	v := s.now()
	s.until("all that was said is acknowledged", func() bool { return s.said < v.from || slices.Contains(v.passed, s.said) })
}

// closed listens until s is closed, which has to be with code.
func (s *person) closed(code core.CloseCode) {
	s.t.Helper()
	s.until("the connection is closed", func() bool { return false })
	if got := s.now(); got.code != code {
		s.t.Fatalf("%s was closed otherwise than with %d: %s", s.name, code, got)
	}
}

func (v *visit) String() string {
	return fmt.Sprintf("ended %t, code %d, failure %q, messages from %d on, of which passed on %v; heard %v, news %v",
		v.ended, v.code, v.failure, v.from, v.passed, v.heard, v.news)
}
