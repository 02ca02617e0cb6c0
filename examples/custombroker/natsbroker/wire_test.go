package natsbroker_test

import (
	"errors"
	"net"
	"regexp"
	"sync"
	"time"
)

// way is how one handle gets to the server: it dials for the client library.
type way struct {
	mu     sync.Mutex // protects the rest
	wires  map[*wire]bool
	held   bool          // nothing can be dialled
	dark   chan struct{} // dialling hangs until it is closed; nil: it doesn't
	losing bool          // the next answer to a commit is lost
}

// wire is a connection that can be broken.
type wire struct {
	net.Conn
	way         *way
	dead        chan struct{} // closed: what comes and goes is lost
	gone        chan struct{} // closed with the connection
	kill, leave func()
}

// Dial is what nats.CustomDialer wants.
func (w *way) Dial(network, address string) (net.Conn, error) {
	w.mu.Lock()
	held, dark := w.held, w.dark
	w.mu.Unlock()
	if held {
		return nil, errors.New("held back by the test")
	}
	if dark != nil {
		select {
		case <-dark:
		case <-time.After(time.Second): // as long as a dialler waits
			return nil, errors.New("no answer")
		}
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	c := &wire{Conn: conn, way: w, dead: make(chan struct{}), gone: make(chan struct{})}
	c.kill = sync.OnceFunc(func() { close(c.dead) })
	c.leave = sync.OnceFunc(func() { close(c.gone) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wires[c] = true
	return c, nil
}

func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutLocked()
}

func (w *way) cutLocked() {
	for c := range w.wires {
		c.Conn.Close()
	}
}

func (w *way) hold() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = true
	w.cutLocked()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held = false
	}
}

func (w *way) loseReply() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losing = true
}

func (w *way) blackHole() (heal func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dark := make(chan struct{})
	w.dark = dark
	for c := range w.wires {
		c.kill()
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		close(dark)
		w.dark = nil
	}
}

func (c *wire) Write(p []byte) (int, error) {
	select {
	case <-c.dead:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

// stored is the server's answer to a commit that it has applied.
var stored = regexp.MustCompile(`"stream":"[^"]*", ?"seq":[1-9]`)

func (c *wire) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.dead:
		<-c.gone
		return 0, net.ErrClosed
	default:
	}
	c.way.mu.Lock()
	defer c.way.mu.Unlock()
	if c.way.losing && stored.Match(p[:n]) {
		c.way.losing = false
		c.Conn.Close()
		return 0, errors.New("lost by the test")
	}
	return n, err
}

func (c *wire) Close() error {
	c.leave()
	c.way.mu.Lock()
	delete(c.way.wires, c)
	c.way.mu.Unlock()
	return c.Conn.Close()
}
