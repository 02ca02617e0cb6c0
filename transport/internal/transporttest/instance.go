package transporttest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// Instance is a fake acceptor whose sessions write down what happens to them.
// Set the functions before the first connection; nil does nothing.
type Instance struct {
	T      testing.TB
	Refuse error // what Accept answers

	Accepted func(*Session) // before Accept returns
	Received func(s *Session, message []byte)
	Violated func(s *Session, code core.CloseCode)

	mu       sync.Mutex // protects what follows
	sessions []*Session
	more     *sync.Cond // tells of another session; made by who needs it first
}

// Session is the fake instance's end of a connection.
type Session struct {
	Conn      transport.Conn
	Handshake core.Handshake

	i    *Instance
	busy atomic.Bool // a call of the transport runs
	done chan struct{}

	mu     sync.Mutex // protects what follows
	log    []string
	closed bool
}

// Accept implements transport.Acceptor.
func (i *Instance) Accept(c transport.Conn, h core.Handshake) (transport.Session, error) {
	if i.Refuse != nil {
		return nil, i.Refuse
	}
	s := &Session{Conn: c, Handshake: h, i: i, done: make(chan struct{})}
	if i.Accepted != nil {
		i.Accepted(s)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sessions = append(i.sessions, s)
	i.cond().Broadcast()
	return s, nil
}

// Session is the n-th session that was accepted, counted from 0. It waits for it.
func (i *Instance) Session(n int) *Session {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n >= len(i.sessions) {
		i.cond().Wait()
	}
	return i.sessions[n]
}

// cond is more. The caller holds mu.
func (i *Instance) cond() *sync.Cond {
	if i.more == nil {
		i.more = sync.NewCond(&i.mu)
	}
	return i.more
}

// Log is what happened so far: "receive TEXT", "violated CODE", "closed CODE
// REASON"; the reason of core.CloseLost is left out, since transports word it as
// they like.
func (s *Session) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Receive implements transport.Session.
func (s *Session) Receive(message []byte) {
	defer s.call("receive " + string(message))()
	if s.i.Received != nil {
		s.i.Received(s, message)
	}
}

// Violated implements transport.Session.
func (s *Session) Violated(code core.CloseCode) {
	defer s.call(fmt.Sprintf("violated %d", code))()
	if s.i.Violated != nil {
		s.i.Violated(s, code)
	}
}

// Closed implements transport.Session.
func (s *Session) Closed(code core.CloseCode, reason string) {
	entry := fmt.Sprintf("closed %d", code)
	if code != core.CloseLost && reason != "" {
		entry += " " + reason
	}
	returned := s.call(entry)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	returned()
}

// Done is closed when the session is.
func (s *Session) Done() <-chan struct{} { return s.done }

// call writes an entry down and checks that the transport keeps its promises
// about calls. What it returns ends the call.
func (s *Session) call(entry string) (returned func()) {
	if !s.busy.CompareAndSwap(false, true) {
		s.i.T.Errorf("%q while another call runs", entry)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.i.T.Errorf("%q after Closed", entry)
	}
	s.log = append(s.log, entry)
	return func() { s.busy.Store(false) }
}
