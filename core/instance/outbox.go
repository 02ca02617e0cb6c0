package instance

import (
	"sync"
	"time"

	"github.com/spinneyio/est/core"
)

// outbox is what waits to be written to a client. While there is something, it waits
// for the scribes itself, or somebody writes all that there is at once.
type outbox struct {
	mu      sync.Mutex // protects what follows; the transport is never called under it
	waiting [][]byte
	batch   [][]byte // of who writes: what it writes
	bytes   int
	writing bool // somebody writes, or will
	ends    bool // nothing more is taken in; once what waits is written, close
	code    core.CloseCode
	reason  string
	going   string        // the reason of core.CloseGoingAway, if it comes to that
	over    bool          // closed, or lost: nothing is written any more
	eased   chan struct{} // closed, when somebody waits, as soon as there is less in it
}

// send queues a message. A client that is too slow for it is closed at once, in
// the middle of a Write if need be, and its Leave does not wait for the socket. It
// says true if the outbox has to be given to the scribes.
func (c *conn[C, R]) send(m core.Message) (write bool) {
	write, slow := c.queue(m)
	if slow {
		c.t.Close(core.ClosePolicy, "too slow")
		c.leave()
	}
	return write
}

func (c *conn[C, R]) queue(m core.Message) (write, slow bool) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ends || o.over:
		return false, false
	case len(o.waiting) >= c.i.o.OutboundMessages || o.bytes+len(m) > c.i.o.OutboundBytes && len(o.waiting) > 0:
		o.over, o.waiting, o.bytes = true, nil, 0
		o.ease()
		return false, true
	}
	o.waiting = append(o.waiting, m)
	o.bytes += len(m)
	return c.claim(), false
}

// crowded is what to wait for before more is read from a client that has much to
// read itself; nil if there is no need. So a client can't be too slow for the
// answers to what it sends.
func (c *conn[C, R]) crowded() <-chan struct{} {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over || 2*len(o.waiting) < c.i.o.OutboundMessages && 2*o.bytes < c.i.o.OutboundBytes {
		return nil
	}
	if o.eased == nil {
		o.eased = make(chan struct{})
	}
	return o.eased
}

// ease lets those go on who wait. o.mu is held.
func (o *outbox) ease() {
	if o.eased != nil {
		close(o.eased)
		o.eased = nil
	}
}

// dismiss has the connection closed after what it sent was handled.
func (c *conn[C, R]) dismiss(reason string) {
	c.out.mu.Lock()
	c.out.going = reason
	c.out.mu.Unlock()
	c.post(core.Dismissed{Conn: c.id, Now: time.Now()})
}

// finish closes the connection after what waits. The first call counts. It says
// true if the outbox has to be given to the scribes.
func (c *conn[C, R]) finish(code core.CloseCode) (write bool) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ends || o.over {
		return false
	}
	o.ends, o.code, o.reason = true, code, code.Reason()
	if code == core.CloseGoingAway {
		o.reason = o.going
	}
	return c.claim()
}

// claim says whether the caller has to see to the writing. c.out.mu is held.
func (c *conn[C, R]) claim() (write bool) {
	if c.out.writing {
		return false
	}
	c.out.writing = true
	return true
}

// writer is a conn, as a task that writes.
type writer[C, R any] conn[C, R]

func (w *writer[C, R]) run() {
	c := (*conn[C, R])(w)
	defer c.i.work(-1)
	c.write()
}

// scribe has outboxes written by the scribes.
func (i *Instance[C, R]) scribe(outboxes ...task) {
	i.work(int64(len(outboxes)))
	i.scribes.add(outboxes...)
}

// write writes what there is. What comes meanwhile waits for its turn again.
func (c *conn[C, R]) write() {
	for range 2 { // the second time there is nothing, mostly
		if !c.writeAll() {
			return
		}
	}
	c.i.scribe((*writer[C, R])(c))
}

// writeAll writes all that waits at once. It says false when nothing did, and the
// writing is over. It is bounded by the transport's write timeout, and discard drops
// what is left.
func (c *conn[C, R]) writeAll() bool {
	o := &c.out
	o.mu.Lock()
	if o.over || len(o.waiting) == 0 {
		closes := o.ends && !o.over
		o.over = o.over || closes
		o.waiting, o.batch, o.writing = small(o.waiting), small(o.batch), false
		o.mu.Unlock()
		if closes {
			c.t.Close(o.code, o.reason) // they were set for good with ends
		}
		return false
	}
	o.batch, o.waiting, o.bytes = o.waiting, o.batch[:0], 0
	o.ease()
	o.mu.Unlock()
	if c.t.Write(o.batch) != nil { // the transport tells by Closed
		o.discard()
	}
	clear(o.batch)
	return true
}

// discard drops what waits: nobody will read it. It returns what there would be
// to say to somebody who had to go.
func (o *outbox) discard() (going string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over, o.waiting, o.bytes = true, nil, 0
	o.ease()
	return o.going
}
