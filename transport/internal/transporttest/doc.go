// Package transporttest holds what package transport promises, as tests that run
// on every transport, and the fake [Instance] that transports are tested against.
//
// Each promise runs in a testing/synctest bubble of its own: time is fake, "it
// blocks" is a fact that can be looked at, and a goroutine left behind fails the
// test. So a transport under test must not use a real network here.
package transporttest

import (
	"fmt"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// Dial connects a client to i. It may fail or connect and close if i refuses.
type Dial func(t testing.TB, i transport.Acceptor) (Client, error)

// Client is the far end of a connection.
type Client interface {
	Send(text string) error                   // returns when the transport has taken it
	Receive() (string, error)                 // the next message; *Ended after the last one
	Violate() error                           // breaks a rule of the transport: core.CloseBinary
	Close(code core.CloseCode, reason string) // says goodbye; waits for nothing
	Abort()                                   // vanishes without a word
}

// Ended says how a connection ended, as its client sees it.
type Ended struct {
	Code   core.CloseCode
	Reason string
}

func (e *Ended) Error() string { return fmt.Sprintf("ended: %d %s", e.Code, e.Reason) }
