package load

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"github.com/spinneyio/est/bench/internal/wire"
)

// client is one connection of the load generator.
type client struct {
	gws.BuiltinEventHandler
	g    *generator
	conn *gws.Conn
	turn *wire.Turn // nil: each message is written by itself

	// Of the goroutine that reads.
	seen int // Room: messages
	took hist

	got atomic.Int64 // State: copies of its messages that others have

	mu      sync.Mutex // protects what follows, and writing
	message []byte
	at      int // where in message the one of package wire begins
	left    int // to be sent
}

// OnClose implements gws.Event: nobody should close but us.
func (c *client) OnClose(_ *gws.Conn, err error) {
	c.g.fail(fmt.Errorf("a connection was closed: %w", err))
}

// OnMessage implements gws.Event.
func (c *client) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	p := m.Bytes()
	switch c.g.Mode {
	case Echo, Paced:
		c.echoed(p)
	case Room:
		for t, rest, ok := wire.Stamped(p); ok; t, rest, ok = wire.Stamped(rest) { // centrifuge's frames have several
			c.heard(t)
		}
	case State:
		c.told(p)
	}
}

func (c *client) echoed(p []byte) {
	t, _, ok := wire.Stamped(p)
	if !ok {
		c.g.fail(fmt.Errorf("a message that should not have come: %q", p))
		return
	}
	c.record(t)
	if c.g.Mode == Echo {
		c.next()
	}
	c.g.finish()
}

// heard is Room: a copy of the sender's message, sent at t.
func (c *client) heard(t int64) {
	c.record(t)
	n := c.seen
	c.seen++
	if int(c.g.copies[n].Add(1)) < c.g.Members {
		return
	}
	if c.g.recording.Load() {
		c.g.lastMu.Lock()
		c.g.last.add(time.Duration(wire.Now() - t))
		c.g.lastMu.Unlock()
	}
	c.g.sender.next()
	c.g.finish()
}

// told is State: what another member of the room did.
func (c *client) told(p []byte) {
	t, _, ok := wire.Stamped(p)
	from := wire.Sender(p)
	if !ok || from < 0 || c.g.clients[from] == c {
		c.g.fail(fmt.Errorf("a message that should not have come: %q", p))
		return
	}
	c.record(t)
	if s := c.g.clients[from]; s.got.Add(1)%int64(c.g.Members-1) == 0 {
		s.next()
		c.g.finish()
	}
}

func (c *client) record(t int64) {
	if c.g.recording.Load() {
		c.took.add(time.Duration(wire.Now() - t))
	}
}

// begin sends the first messages of n.
func (c *client) begin(n int) {
	c.mu.Lock()
	c.left = n
	for range c.g.Window {
		c.sendNext()
	}
	c.mu.Unlock()
	c.flush()
}

func (c *client) next() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendNext()
}

// sendNext sends one more message, if there are any. c.mu is held.
func (c *client) sendNext() {
	if c.left == 0 {
		return
	}
	c.left--
	wire.Stamp(c.message, c.at, wire.Now())
	if err := c.conn.WriteMessage(gws.OpcodeText, c.message); err != nil {
		c.g.fail(err)
	}
}

func (c *client) flush() {
	if c.turn != nil {
		c.turn.Flush()
	}
}

// dialer connects by TCP, and gathers what one read leads to, if it should: else
// the client, and not the server, would be the limit.
type dialer struct{ turns bool }

// Dial implements gws.Dialer.
func (d dialer) Dial(network, addr string) (net.Conn, error) {
	c, err := net.Dial(network, addr)
	if err != nil || !d.turns {
		return c, err
	}
	return &wire.Turn{Conn: c}, nil
}
