package gws

import "sync"

// readAhead is how much is read from the network at once, and most how many messages
// are handed in together. What does not fit is read, or handed in, next. keep is how
// much space gws has to wait with, where it must wait with any.
const (
	readAhead = 4 << 10
	most      = 64
	keep      = 512
)

// burst is what a connection needs while something comes. One that waits has none, so
// that it is small.
type burst struct {
	bytes    [readAhead]byte // what was read
	messages [][]byte        // those that are complete and were not handed in
}

var bursts = sync.Pool{New: func() any { return &burst{messages: make([][]byte, 0, most)} }}

// gather is the connection's burst.
func (c *conn) gather() *burst {
	if c.burst == nil {
		c.burst = bursts.Get().(*burst)
	}
	return c.burst
}

// rest gives the burst back, if there is one. Nothing of it is needed any more.
func (c *conn) rest() {
	if c.burst != nil {
		bursts.Put(c.burst)
		c.burst = nil
	}
}

// receive hands a message in: at once, or with those that have come with it.
func (c *conn) receive(message []byte) {
	if c.batches == nil {
		c.calling = true
		c.session.Receive(message)
		c.calling = false
		return
	}
	b := c.gather()
	b.messages = append(b.messages, message)
	if len(b.messages) == most {
		c.handIn()
	}
}

// handIn hands in what has come and was not yet.
func (c *conn) handIn() {
	if c.burst == nil || len(c.burst.messages) == 0 {
		return
	}
	c.calling = true
	c.batches.ReceiveAll(c.burst.messages)
	c.calling = false
	clear(c.burst.messages)
	c.burst.messages = c.burst.messages[:0]
}
