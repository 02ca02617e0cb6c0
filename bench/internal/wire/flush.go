package wire

import (
	"net"
	"sync"
)

// flushed is a connection whose writes are gathered in a buffer, which one of a few
// goroutines sends: when that is behind, several messages leave in one system call.
// There is no bound and no policy for slow readers: it is what one could write by
// hand at best, not what one should.
type flushed struct {
	net.Conn
	by *flusher

	mu         sync.Mutex // protects what follows
	out, spare []byte
	listed     bool // by's goroutine will come
}

type flusher struct {
	mu   sync.Mutex // protects list
	some *sync.Cond
	list []*flushed
}

// FlushedListener accepts connections whose writes are sent by two goroutines,
// which live as long as the process.
type FlushedListener struct {
	net.Listener
	by   [2]*flusher
	next int
}

// NewFlushedListener starts the two goroutines.
func NewFlushedListener(l net.Listener) *FlushedListener {
	f := &FlushedListener{Listener: l}
	for i := range f.by {
		by := &flusher{}
		by.some = sync.NewCond(&by.mu)
		f.by[i] = by
		go by.run()
	}
	return f
}

// Accept implements net.Listener. It is called by one goroutine at a time.
func (l *FlushedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.next++
	return &flushed{Conn: c, by: l.by[l.next%len(l.by)]}, nil
}

func (c *flushed) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.out = append(c.out, p...)
	listed := c.listed
	c.listed = true
	c.mu.Unlock()
	if !listed {
		c.by.add(c)
	}
	return len(p), nil
}

func (f *flusher) add(c *flushed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, c)
	if len(f.list) == 1 {
		f.some.Signal()
	}
}

func (f *flusher) run() {
	var work []*flushed
	for {
		f.mu.Lock()
		for len(f.list) == 0 {
			f.some.Wait()
		}
		work, f.list = f.list, work[:0]
		f.mu.Unlock()
		for _, c := range work {
			c.flush()
		}
		clear(work)
	}
}

func (c *flushed) flush() {
	c.mu.Lock()
	b := c.out
	c.out, c.listed = c.spare[:0], false
	c.mu.Unlock()
	_, _ = c.Conn.Write(b) // who reads finds out that the connection is broken
	c.mu.Lock()
	c.spare = b
	c.mu.Unlock()
}
