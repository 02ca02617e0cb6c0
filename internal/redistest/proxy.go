package redistest

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Proxy is a way to a server that can be broken. It listens on one address for all
// its life, and makes a connection to its target for each that it gets.
//
// It passes on whole commands and whole answers, so it understands RESP, 2 and 3,
// but not TLS, MONITOR or CLIENT REPLY. What is not RESP fails the test.
type Proxy struct {
	t      testing.TB
	target string
	addr   string
	port   int

	// control is held for as long as a fault is being done: one at a time. It
	// protects listener, holds and closed.
	control  sync.Mutex
	listener *net.TCPListener // nil while held
	holds    int
	closed   bool

	accepting sync.WaitGroup // the goroutine in accept
	running   sync.WaitGroup // the goroutines of links

	// mu protects the rest and the links' own state. It is held for moments only.
	mu      sync.Mutex
	links   map[*link]struct{} // those that carry something
	dead    []*link            // those that met a black hole: open until the test ends
	holes   int
	knocker string    // whose connection is knock's
	losses  []matcher // replies that are still to be lost
	stats   Stats
}

// Stats are what a proxy has seen so far.
type Stats struct {
	Connections int            // accepted
	Commands    map[string]int // passed on to the server, by name in upper case
	Lost        int            // replies, by LoseReply
}

// NewProxy starts a proxy to the server at target, which need not run: then
// connections are accepted and closed. A client that learns addresses from
// servers, as those of clusters do, must be led here by its dialer.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, target: target, addr: l.Addr().String(), port: portOf(l), links: map[*link]struct{}{}}
	p.stats.Commands = map[string]int{}
	p.serve(l)
	t.Cleanup(p.Close)
	return p
}

// Addr is where the proxy listens, also while it doesn't: host and port.
func (p *Proxy) Addr() string { return p.addr }

// Stats returns a copy, which is the caller's.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Commands = maps.Clone(s.Commands)
	return s
}

// serve accepts connections from l. p.control is held, or p is new.
func (p *Proxy) serve(l *net.TCPListener) {
	p.listener = l
	p.accepting.Add(1)
	go p.accept(l)
}

// accept ends when l is closed.
func (p *Proxy) accept(l *net.TCPListener) {
	defer p.accepting.Done()
	for {
		c, err := l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.t.Errorf("redistest: the proxy at %s accepts no more: %v", p.addr, err)
			return
		}
		p.admit(c)
	}
}

func (p *Proxy) admit(client *net.TCPConn) {
	l := &link{proxy: p, client: client, ended: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	if client.RemoteAddr().String() == p.knocker {
		l.cancel()
		breakOff(client)
		return
	}
	p.stats.Connections++
	if p.holes > 0 {
		l.cancel()
		close(l.ended) // it never begins
		p.dead = append(p.dead, l)
		return
	}
	p.links[l] = struct{}{}
	p.running.Add(1)
	go l.run()
}

// knock returns when all connections were admitted that were there before: the
// system accepts them for us, and a fault must not miss one that waits to be handed
// over. They come in turn, so it makes one of its own, which is closed when it is
// its turn. p.control is held.
func (p *Proxy) knock() {
	if p.listener == nil {
		return
	}
	var c net.Conn
	err := until(func() (err error) {
		port, err := draw()
		if err != nil {
			return err
		}
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
		p.mu.Lock()
		p.knocker = from.String()
		p.mu.Unlock()
		c, err = (&net.Dialer{LocalAddr: from}).Dial("tcp", p.addr)
		return err // the port may be taken
	})
	if err != nil {
		p.t.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience)) // the connection is too new to fail
	if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("redistest: the proxy at %s accepts nothing", p.addr)
	}
}

// shut stops listening: who connects is refused. p.control is held.
func (p *Proxy) shut() {
	if p.listener != nil {
		_ = p.listener.Close() // there is nothing that it could fail to write
		p.accepting.Wait()
		p.listener = nil
	}
}

// Close ends the proxy, as the end of its test does, and returns when all its
// goroutines have ended.
func (p *Proxy) Close() {
	p.control.Lock()
	defer p.control.Unlock()
	if !p.closed {
		p.closed = true
		defer release(p.port)
	}
	p.shut()
	p.cut()
	p.mu.Lock()
	dead := p.dead
	p.dead = nil
	p.mu.Unlock()
	for _, l := range dead {
		l.reset()
	}
	p.running.Wait()
}
