package instance

import (
	"errors"
	"sync"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// conn is a connection: the way in (its transport calls it as a
// transport.Session), the way out, and the side effects that it asked for.
type conn[C, R any] struct {
	i     *Instance[C, R]
	id    core.ConnID
	t     transport.Conn
	lobby *room[C, R]
	hello *time.Timer // fires when the time for the hello is over; nil without

	rate    rate // of the transport's goroutine
	refused bool // likewise: what comes now is dropped

	slots chan struct{} // one in it for each message, and each side effect, that waits

	mu     sync.Mutex  // protects home, also while a connection moves
	home   *room[C, R] // whose machine has the connection
	closed bool        // Closed was posted

	out  outbox
	side side
}

// post gives an event to the machine that has the connection.
func (c *conn[C, R]) post(ev core.Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.home.post(item[C, R]{ev: ev, c: c})
}

// Receive implements transport.Session.
func (c *conn[C, R]) Receive(message []byte) {
	if c.refused {
		return
	}
	now := time.Now()
	if !c.rate.take(now) {
		c.Violated(core.ClosePolicy)
		return
	}
	c.slots <- struct{}{} // the machine frees it, whatever becomes of the connection
	c.mu.Lock()
	ok := !c.closed && c.home.post(item[C, R]{core.Received{Conn: c.id, Now: now, Message: message}, c, true})
	c.mu.Unlock()
	if !ok {
		c.free()
	}
}

// Violated implements transport.Session.
func (c *conn[C, R]) Violated(code core.CloseCode) {
	if !c.refused {
		c.refused = true
		c.post(core.Violated{Conn: c.id, Now: time.Now(), Code: code})
	}
}

// Closed implements transport.Session.
func (c *conn[C, R]) Closed(core.CloseCode, string) {
	c.out.discard()
	if c.hello != nil {
		c.hello.Stop()
	}
	c.leave()
	c.i.mu.Lock()
	delete(c.i.conns, c)
	c.i.checkDrained()
	c.i.mu.Unlock()
}

// leave tells the machine, once, that the connection is over.
func (c *conn[C, R]) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.home.post(item[C, R]{ev: core.Closed{Conn: c.id, Now: time.Now()}, c: c})
	}
}

func (c *conn[C, R]) free() { <-c.slots }

// outbox is what waits to be written to a client. A goroutine that exists only
// while there is something writes all that there is at once.
type outbox struct {
	mu      sync.Mutex // protects what follows
	waiting [][]byte
	bytes   int
	writing bool // the goroutine exists
	ends    bool // nothing more is taken in; once it is written, close
	code    core.CloseCode
	reason  string
	over    bool // closed, or lost
}

// send queues a message. A client that is too slow for it is closed.
func (c *conn[C, R]) send(m core.Message) {
	if !c.queue(m) {
		c.leave()
	}
}

func (c *conn[C, R]) queue(m core.Message) (ok bool) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ends || o.over:
		return true
	case len(o.waiting) >= c.i.o.OutboundMessages || o.bytes+len(m) > c.i.o.OutboundBytes && len(o.waiting) > 0:
		o.waiting, o.bytes = nil, 0
		c.endLocked(core.ClosePolicy, "too slow")
		return false
	}
	o.waiting = append(o.waiting, m)
	o.bytes += len(m)
	c.writeLocked()
	return true
}

// finish closes the connection after what waits.
func (c *conn[C, R]) finish(code core.CloseCode, reason string) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if !c.out.ends {
		c.endLocked(code, reason)
	}
}

func (c *conn[C, R]) endLocked(code core.CloseCode, reason string) {
	c.out.ends, c.out.code, c.out.reason = true, code, reason
	c.writeLocked()
}

func (c *conn[C, R]) writeLocked() {
	if !c.out.writing && !c.out.over {
		c.out.writing = true
		go c.write()
	}
}

// write is the outbox's goroutine. It is bounded by the transport's write
// timeout, and Closed discards what is left.
func (c *conn[C, R]) write() {
	o := &c.out
	var batch [][]byte
	for {
		o.mu.Lock()
		if o.over || len(o.waiting) == 0 {
			closes := o.ends && !o.over
			o.over = o.over || closes
			o.writing = false
			o.mu.Unlock()
			if closes {
				c.t.Close(o.code, o.reason)
			}
			return
		}
		clear(batch)
		batch, o.waiting, o.bytes = o.waiting, batch[:0], 0
		o.mu.Unlock()
		if c.t.Write(batch) != nil { // the transport tells by Closed
			o.discard()
		}
	}
}

// discard drops what waits: nobody will read it.
func (o *outbox) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over, o.waiting, o.bytes = true, nil, 0
}

// rate is a bucket of ten seconds' worth of messages.
type rate struct {
	perSecond float64 // 0: no limit
	left      float64
	at        time.Time
}

func (r *rate) start(now time.Time, perSecond int) {
	if perSecond > 0 {
		*r = rate{float64(perSecond), 10 * float64(perSecond), now}
	}
}

func (r *rate) take(now time.Time) bool {
	if r.perSecond == 0 {
		return true
	}
	r.left = min(10*r.perSecond, r.left+r.perSecond*now.Sub(r.at).Seconds())
	r.at = now
	if r.left < 1 {
		return false
	}
	r.left--
	return true
}

var errTooManyEffects = errors.New("too many side effects of one connection wait: it is closed, they are still performed")
