package esttest

import (
	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
)

// Model is how an integration is used, and what must hold. Only Client is
// required. Its functions are pure, as those of the integration are: the same
// arguments, the same answer.
type Model[C, R any] struct {
	// Client generates what a client sends next, given what it has sent and seen on
	// this connection. The first is its hello. It is encoded as JSON; a core.Message
	// is sent as it is, JSON or not. nil: nothing, for now.
	Client func(c ClientView) *rapid.Generator[any]

	// Always must be nil after every step.
	Always func(w *World[C, R]) error

	// Eventually must be nil once the faults have ended and everything has settled,
	// with the clients still there.
	Eventually func(w *World[C, R]) error

	// Sometimes are situations that the runs are meant to reach. One that was never
	// seen is reported as a gap: what was not exercised was not tested.
	Sometimes map[string]func(w *World[C, R]) bool

	// Perform is a fake for side effects: it answers for effect, after those that
	// were done before. nil answers nil.
	Perform func(done []any, effect any) (result any, err error)

	// Handshake is what a client connects with. nil is an empty one.
	Handshake func(c ClientView) core.Handshake

	// Outside generates what is published or updated from outside any connection.
	// nil, or a nil generator, is nothing.
	Outside func(w *World[C, R]) *rapid.Generator[Outside]
}

// ClientView is what a generator may look at.
type ClientView struct {
	index, life, sent int
	seen              []core.Message
}

// Index is which client this is, from 0. Make the same user of several if users
// may be connected several times.
func (c ClientView) Index() int { return c.index }

// Life is which connection of the client this is, from 0: it comes back when one is over.
func (c ClientView) Life() int { return c.life }

// Sent is how many messages it has sent on this connection; 0 before its hello.
func (c ClientView) Sent() int { return c.sent }

// Seen is what it has received on this connection. It must not be changed.
func (c ClientView) Seen() []core.Message { return c.seen }

// Last is the latest of Seen.
func (c ClientView) Last() (core.Message, bool) {
	if len(c.seen) == 0 {
		return nil, false
	}
	return c.seen[len(c.seen)-1], true
}
