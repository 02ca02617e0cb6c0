package wire

import (
	"net"
	"sync"
)

// Turn is a connection on which all that is written between two reads leaves in one
// system call, just before the second. It suits whoever only answers what it reads,
// on the goroutine that reads.
type Turn struct {
	net.Conn

	mu  sync.Mutex // protects what follows
	out []byte
	err error
}

// Write keeps p for later.
func (c *Turn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, p...)
	if len(c.out) >= 32<<10 {
		c.flush()
	}
	return len(p), c.err
}

// Read writes what was kept, then reads.
func (c *Turn) Read(p []byte) (int, error) {
	c.Flush()
	return c.Conn.Read(p)
}

// Flush writes what was kept.
func (c *Turn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

func (c *Turn) flush() {
	if len(c.out) > 0 {
		if _, err := c.Conn.Write(c.out); err != nil && c.err == nil {
			c.err = err
		}
		c.out = c.out[:0]
	}
}

// TurnListener accepts connections as [Turn].
type TurnListener struct{ net.Listener }

// Accept implements net.Listener.
func (l TurnListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Turn{Conn: c}, nil
}
