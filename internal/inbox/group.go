package inbox

import (
	"context"
	"sync/atomic"

	"github.com/spinneyio/est/broker"
)

// Group is the inboxes of one broker.
type Group struct {
	size     int
	overflow error

	// running counts the goroutines of the inboxes, and one more until End. So it
	// comes to zero once, and that closes idle.
	running atomic.Int64
	idle    chan struct{}
}

// NewGroup returns a group whose inboxes hold size messages each at most, not
// counting the one that is being handled, and tell of dropped ones by a gap with
// overflow as its reason.
func NewGroup(size int, overflow error) *Group {
	g := &Group{size: size, overflow: overflow, idle: make(chan struct{})}
	g.running.Store(1)
	return g
}

// Open returns an inbox that delivers to h, whose functions are both there.
func (g *Group) Open(h broker.Handler) *Inbox { return &Inbox{group: g, handler: h} }

// End is called once, when all inboxes are closed and none is opened any more.
func (g *Group) End() { g.done() }

// Wait waits, after End, for the handlers that are running, until ctx ends. If
// none is, it returns nil, also if ctx has ended.
func (g *Group) Wait(ctx context.Context) error {
	select {
	case <-g.idle:
		return nil
	default: // select doesn't prefer it if ctx has ended too
	}
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// done takes one away from running.
func (g *Group) done() {
	if g.running.Add(-1) == 0 {
		close(g.idle)
	}
}
