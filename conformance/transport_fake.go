package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// FakeInstance is an acceptor for tests of a transport: its sessions write down
// what happens to them, and report calls that overlap or follow Closed to T. Set
// the fields before the first connection; a nil function does nothing.
type FakeInstance struct {
	T      testing.TB // required
	Refuse error      // what Accept answers; nil takes the connection
	Batch  bool       // the sessions are transport.BatchReceivers too

	Accepted func(*FakeSession) // called before Accept returns
	Received func(s *FakeSession, message []byte)
	Violated func(s *FakeSession, code core.CloseCode)
	Closed   func(*FakeSession)

	mu       sync.Mutex // protects what follows
	sessions []*FakeSession
	more     *sync.Cond // tells of another session; made by who needs it first
}

// FakeSession is a FakeInstance's end of a connection.
type FakeSession struct {
	Conn      transport.Conn
	Handshake core.Handshake

	i    *FakeInstance
	busy atomic.Bool // a call of the transport runs
	done chan struct{}

	mu  sync.Mutex // protects what follows
	log []string
	end *Ended // nil until Closed
}

// Accept implements transport.Acceptor.
func (i *FakeInstance) Accept(c transport.Conn, h core.Handshake) (transport.Session, error) {
	if i.Refuse != nil {
		return nil, i.Refuse
	}
	s := &FakeSession{Conn: c, Handshake: h, i: i, done: make(chan struct{})}
	if b, ok := i.T.(*bubble); ok {
		s.Conn = &notedConn{c, b, make(chan struct{}, 1)}
	}
	if i.Accepted != nil {
		i.Accepted(s)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sessions = append(i.sessions, s)
	i.cond().Broadcast()
	if i.Batch {
		return batchSession{s}, nil
	}
	return s, nil
}

// batchSession is a FakeSession that is a transport.BatchReceiver.
type batchSession struct{ *FakeSession }

// ReceiveAll implements transport.BatchReceiver.
func (s batchSession) ReceiveAll(messages [][]byte) {
	for _, m := range messages {
		s.Receive(m)
	}
}

// Session returns the n-th session that was accepted, counted from 0. It waits
// until there is one.
func (i *FakeInstance) Session(n int) *FakeSession {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n >= len(i.sessions) {
		i.cond().Wait()
	}
	return i.sessions[n]
}

// count is how many sessions were accepted so far.
func (i *FakeInstance) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.sessions)
}

// cond is more. The caller holds mu.
func (i *FakeInstance) cond() *sync.Cond {
	if i.more == nil {
		i.more = sync.NewCond(&i.mu)
	}
	return i.more
}

// Log returns what happened so far: "receive TEXT", "violated CODE", "closed CODE
// REASON". The reason of core.CloseLost is left out, since transports word it as
// they like.
func (s *FakeSession) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Done is closed when the session is.
func (s *FakeSession) Done() <-chan struct{} { return s.done }

// Receive implements transport.Session.
func (s *FakeSession) Receive(message []byte) {
	defer s.call("receive " + string(message))()
	if s.i.Received != nil {
		s.i.Received(s, message)
	}
}

// Violated implements transport.Session.
func (s *FakeSession) Violated(code core.CloseCode) {
	defer s.call(fmt.Sprintf("violated %d", code))()
	if s.i.Violated != nil {
		s.i.Violated(s, code)
	}
}

// Closed implements transport.Session.
func (s *FakeSession) Closed(code core.CloseCode, reason string) {
	entry := fmt.Sprintf("closed %d", code)
	if code != core.CloseLost && reason != "" {
		entry += " " + reason
	}
	defer s.call(entry)()
	if s.i.Closed != nil {
		s.i.Closed(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = &Ended{code, reason}
		close(s.done)
	}
}

// call writes an entry down and checks that the transport keeps its promises
// about calls. What it returns ends the call.
func (s *FakeSession) call(entry string) (returned func()) {
	overlaps := !s.busy.CompareAndSwap(false, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.i.T.(*bubble); ok {
		b.note("the session is told: %s", brief(entry))
	}
	switch {
	case s.end != nil:
		s.complain(closedIsLast, "no call after Closed", entry)
	case overlaps && strings.HasPrefix(entry, "closed"):
		s.complain(closedIsLast, "Closed when the call before has returned", "Closed while another call runs")
	case overlaps:
		s.complain(callsDoNotOverlap, "the next call when the one before has returned", fmt.Sprintf("%s while another call runs", brief(entry)))
	}
	s.log = append(s.log, entry)
	return func() { s.busy.Store(false) }
}

func (s *FakeSession) complain(promise, expected, happened string) {
	if b, ok := s.i.T.(*bubble); ok {
		b.failAs(promise, expected, happened)
		return
	}
	s.i.T.Errorf("%s: expected %s, happened: %s", promise, expected, happened)
}
