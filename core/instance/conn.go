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

	// slots has one in it for each message, and each side effect, that waits. Who
	// put it in takes it out, or hands that duty on with the message: so taking out
	// never blocks.
	slots chan struct{}

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
	if !c.admit() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || !c.home.post(c.received(message)) {
		c.free(1)
	}
}

// ReceiveLast implements transport.LastReceiver. In a lobby, where nobody waits for
// a broker, the message is handled right here, and answered, unless somebody else is
// at it: a goroutine less for what comes in, and one less for what goes out.
func (c *conn[C, R]) ReceiveLast(message []byte) {
	if !c.admit() || !c.postHere(message) {
		return
	}
	writes := c.reserve()
	c.lobby.turn()
	if writes {
		c.write()
	}
}

// postHere posts a message. It says true if it is now for the caller to take a turn
// for the lobby.
func (c *conn[C, R]) postHere(message []byte) (turn bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && c.home == c.lobby {
		return c.lobby.postHere(c.received(message))
	}
	if c.closed || !c.home.post(c.received(message)) {
		c.free(1)
	}
	return false
}

// admit waits until a message may come in, and takes a slot for it, which the
// machine's room frees, whatever becomes of the connection. It says false if the
// message is dropped.
func (c *conn[C, R]) admit() bool {
	if c.refused {
		return false
	}
	if !c.rate.take(time.Now()) {
		c.Violated(core.ClosePolicy)
		return false
	}
	for crowded := c.crowded(); crowded != nil; crowded = c.crowded() {
		select {
		case <-crowded:
		case <-c.i.life.Done():
			return false
		}
	}
	select {
	case c.slots <- struct{}{}:
	case <-c.i.life.Done():
		return false
	}
	c.stopHello()
	return true
}

func (c *conn[C, R]) received(message []byte) item[C, R] {
	return item[C, R]{ev: core.Received{Conn: c.id, Now: time.Now(), Message: message}, c: c, slot: true}
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

func (c *conn[C, R]) free(n int) {
	for range n {
		<-c.slots
	}
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
