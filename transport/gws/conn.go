package gws

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// conn is one connection: the transport.Conn that the instance gets.
type conn struct {
	h         *handler
	wire      wire
	session   transport.Session
	batches   transport.BatchReceiver // the session, if it is that
	heartbeat *time.Timer

	// writing is held by who writes to the net. It is a Go channel and not a mutex
	// because others wait for it while the net blocks: in a synctest bubble time
	// would stand still.
	writing chan struct{}
	due     time.Duration // the write deadline that is set; of who holds writing

	ending atomic.Pointer[ending] // set once, by who ends the connection first

	// For the goroutine that reads:
	burst   *burst // what comes; nil while nothing does
	over    error  // why gws stopped reading
	deaf    bool   // a rule was violated: what comes is dropped
	calling bool   // a call of the session runs
}

// ending is how a connection ends.
type ending struct {
	code   core.CloseCode
	reason string
	said   chan struct{} // closed when the goodbye was said, or can't be
	cut    *time.Timer   // ends the patience with the peer; nil for a breakdown; valid after said
}

func newConn(h *handler, netConn net.Conn, early []byte) *conn {
	c := &conn{h: h, writing: make(chan struct{}, 1)}
	c.wire = wire{Conn: netConn, owner: c, ahead: early}
	c.wire.lookFirst()
	// Set first and started then: the timer's function uses it.
	c.heartbeat = time.AfterFunc(math.MaxInt64, c.beat)
	c.heartbeat.Reset(h.o.PingInterval)
	return c
}

// now is the time since the handler's epoch, as all times of a connection are. It is
// never 0.
func (c *conn) now() time.Duration { return time.Since(c.h.epoch) }

// batch is how much leaves in one system call, at most. It is what one TLS record
// holds, and what a stuck Write keeps from others.
const batch = 16 << 10

var batches = sync.Pool{New: func() any { return new([batch]byte) }}

// Write implements transport.Conn: one system call for each 16 KiB of frames.
func (c *conn) Write(messages [][]byte) error {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if c.ending.Load() != nil {
		return fmt.Errorf("gws: write: %w", net.ErrClosed)
	}
	pooled := batches.Get().(*[batch]byte)
	defer batches.Put(pooled)
	deadline := c.deadline()
	out := pooled[:0]
	for _, m := range messages {
		if len(out)+maxHeader > batch {
			if err := c.send(out, deadline); err != nil {
				return err
			}
			out = out[:0]
		}
		out = appendHeader(out, frameText, len(m))
		for len(m) > 0 {
			n := copy(out[len(out):batch], m)
			out, m = out[:len(out)+n], m[n:]
			if len(out) == batch {
				if err := c.send(out, deadline); err != nil {
					return err
				}
				out = out[:0]
			}
		}
	}
	return c.send(out, deadline)
}

// deadline is when what is written from now on has to have been. To set one costs a
// tenth of a small Write, so the one that is set will do while it is nearly as far off.
func (c *conn) deadline() time.Duration {
	now, timeout := c.now(), c.h.o.WriteTimeout
	if c.due-now > timeout-timeout/16 {
		return c.due
	}
	return now + timeout
}

// send writes to the net. The caller holds writing. After an error, perhaps in the
// middle of a frame, nothing can be written any more: the socket is closed.
func (c *conn) send(frames []byte, deadline time.Duration) error {
	if len(frames) == 0 {
		return nil
	}
	var err error
	if deadline != c.due {
		c.due, err = deadline, c.wire.Conn.SetWriteDeadline(c.h.epoch.Add(deadline))
	}
	if err == nil {
		_, err = c.wire.Conn.Write(frames)
		if _, ok := c.wire.Conn.(secure); ok {
			// TLS writes by itself too, to change keys, and would fail for good. TCP
			// does not, and setting a deadline anew is cheaper than both. An error
			// means that the peer is gone, which the reader will see.
			c.due = 0
			_ = c.wire.Conn.SetWriteDeadline(time.Time{})
		}
	}
	if err != nil {
		err = fmt.Errorf("gws: write: %w", err)
		c.end(core.CloseLost, err.Error(), nil)
		c.drop() // also when a close is under way
	}
	return err
}

// control writes a ping or a pong, if there is still somebody to write it to.
func (c *conn) control(first byte, payload []byte) {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if c.ending.Load() == nil {
		_ = c.send(controlFrame(first, payload), c.deadline()) // an error ends the connection
	}
}

// Close implements transport.Conn. With core.CloseLost, which has no place in a
// frame, the connection is just dropped.
func (c *conn) Close(code core.CloseCode, reason string) {
	if code == core.CloseLost {
		c.end(code, reason, nil)
		return
	}
	c.end(code, reason, closeFrame(code, cmp.Or(reason, code.Reason())))
}

// end ends the connection with a close frame, or without one if there is nobody
// to get it. Only the first call counts. It doesn't block.
func (c *conn) end(code core.CloseCode, reason string, goodbye []byte) {
	e := &ending{code: code, reason: reason, said: make(chan struct{})}
	if !c.ending.CompareAndSwap(nil, e) {
		return
	}
	c.heartbeat.Stop()
	if goodbye == nil {
		close(e.said)
		c.drop()
		return
	}
	go c.say(goodbye, e)
}

// say sends the close frame, behind a Write that is under way, and shuts our
// side. The goroutine that reads sees the rest.
func (c *conn) say(goodbye []byte, e *ending) {
	defer close(e.said)
	e.cut = time.AfterFunc(c.h.o.CloseWait, c.drop)
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if c.send(goodbye, c.now()+c.h.o.CloseWait) != nil {
		return
	}
	if half, ok := c.wire.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails when the peer is gone, and then that's it
	}
}

// secure is a connection on top of another: a *tls.Conn, perhaps wrapped.
type secure interface{ NetConn() net.Conn }

// drop closes the socket, which cuts whatever waits for it. It doesn't block: TLS
// would, to say goodbye to a peer that perhaps doesn't read.
func (c *conn) drop() {
	netConn := c.wire.Conn
	if s, ok := netConn.(secure); ok {
		netConn = s.NetConn()
	}
	_ = netConn.Close() // closed before, or gone: both is fine
}

// beat looks whether the peer is alive: it pings one that is silent and gives up
// one that stays so.
func (c *conn) beat() {
	silent, patience := c.wire.silent(), c.h.o.PingInterval
	if ping := silent >= c.h.o.PingInterval; ping {
		patience += c.h.o.PongWait
		if silent >= patience {
			c.end(core.CloseLost, fmt.Sprintf("nothing heard for %v", silent), nil)
			return
		}
		defer c.control(framePing, nil) // last: it may block
	}
	c.heartbeat.Reset(patience - silent)
	if c.ending.Load() != nil { // ended meanwhile, and stopped too early
		c.heartbeat.Stop()
	}
}
