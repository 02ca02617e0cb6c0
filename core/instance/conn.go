package instance

import (
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

	orphan *reaping // it was another instance's, which is dead; nil: it is ours

	// Of the transport's goroutine.
	hello   *time.Timer // fires when the time for the hello is over; nil without
	rate    rate
	refused bool // what comes now is dropped

	slots slots

	// How many slots belong to messages that the machine was given and may not have
	// decided; of the goroutine of the room that has the connection.
	given int

	mu     sync.Mutex  // protects home, also while a connection moves
	home   *room[C, R] // whose machine has the connection
	closed bool        // Closed was posted

	out  outbox
	side side
}

// post gives an event to the machine that has the connection. It says false if
// that has been dropped: then the connection has ended.
func (c *conn[C, R]) post(ev core.Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.home.post(item[C, R]{ev: ev, c: c})
}

// Receive implements transport.Session.
func (c *conn[C, R]) Receive(message []byte) {
	one := [...][]byte{message}
	c.receive(one[:], false)
}

// ReceiveAll implements transport.BatchReceiver. In a lobby, where nobody waits for a
// broker, the messages are handled right here, and answered together, unless somebody
// else is at it: a goroutine less for what comes in, and one less for what goes out.
func (c *conn[C, R]) ReceiveAll(messages [][]byte) { c.receive(messages, true) }

// receive takes messages in: all at once, or as many at a time as there are slots.
func (c *conn[C, R]) receive(messages [][]byte, here bool) {
	if c.refused {
		return
	}
	for len(messages) > 0 {
		n := c.admit(len(messages))
		if n == 0 {
			return
		}
		now := time.Now()
		allowed := c.rate.take(now, n, c.i.o.Rate)
		if items := c.take(messages[:allowed], now, here); items != nil && c.lobby.turn(c, items) {
			c.write()
		}
		if allowed < n {
			c.slots.free(n - allowed)
			c.Violated(core.ClosePolicy)
			return
		}
		messages = messages[n:]
	}
}

// admit waits until a message may come in, and takes a slot for it, and for as many
// more as it can, up to n. The machine's room frees them, whatever becomes of the
// connection. It says 0 if the instance has ended.
func (c *conn[C, R]) admit(n int) (admitted int) {
	for c.i.life.Err() == nil {
		wait := c.crowded()
		if wait == nil {
			admitted, wait = c.slots.take(n, c.i.o.Inbound)
		}
		if admitted > 0 {
			c.stopHello()
			return admitted
		}
		select {
		case <-wait:
		case <-c.i.life.Done():
		}
	}
	return 0
}

// take posts messages that were admitted, or none. If it returns items, it is for the
// caller to take a turn for the lobby with them.
func (c *conn[C, R]) take(messages [][]byte, now time.Time, here bool) (items []item[C, R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := false
	if !c.closed && len(messages) > 0 {
		items, taken = c.home.receive(c, messages, now, here && c.home == c.lobby)
	}
	if !taken {
		c.slots.free(len(messages))
	}
	return items
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
	c.stopHello()
	c.leave()
	c.i.mu.Lock()
	defer c.i.mu.Unlock()
	delete(c.i.conns, c)
	c.i.checkDrained()
}

func (c *conn[C, R]) stopHello() {
	if c.hello != nil {
		c.hello.Stop()
		c.hello = nil
	}
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

// rate is a bucket of ten seconds' worth of messages, full at first.
type rate struct {
	left float64
	at   time.Time
}

// take takes out up to n, and says how many. A limit below zero is none.
func (r *rate) take(now time.Time, n, perSecond int) (taken int) {
	if perSecond < 0 {
		return n
	}
	most := 10 * float64(perSecond)
	r.left = min(most, r.left+most/10*now.Sub(r.at).Seconds())
	r.at = now
	taken = min(n, int(r.left))
	r.left -= float64(taken)
	return taken
}
