package redistest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is a client's connection together with ours to the server.
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	ctx    context.Context // of the dial to the server
	cancel context.CancelFunc
	ended  chan struct{} // closed when nothing is passed on any more

	// proxy.mu protects the rest.
	server   *net.TCPConn // nil until it is dialled
	detached bool         // a fault has taken it: what becomes of its sockets is the fault's matter
	count    count
}

// batch is how many bytes are collected while more are there to be read.
const batch = 64 << 10

// run passes on what comes from both sides. It ends with the link.
func (l *link) run() {
	defer l.proxy.running.Done()
	defer close(l.ended)
	defer l.leave()
	c, err := new(net.Dialer).DialContext(l.ctx, "tcp", l.proxy.target)
	if err != nil || !l.connect(c.(*net.TCPConn)) {
		return
	}
	var replies sync.WaitGroup
	replies.Go(l.passReplies)
	l.passCommands()
	replies.Wait()
}

// connect gives l its other half, unless a fault came first.
func (l *link) connect(server *net.TCPConn) bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if l.detached {
		_ = server.Close()
		return false
	}
	l.server = server
	return true
}

// leave closes the link if no fault has taken it.
func (l *link) leave() {
	l.cancel()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	delete(l.proxy.links, l)
	if l.detached {
		return
	}
	_ = l.client.Close()
	if l.server != nil {
		_ = l.server.Close()
	}
}

// passCommands ends when the client closes, or after a fault.
func (l *link) passCommands() {
	r := newReader(l.client)
	for {
		args, err := r.command()
		l.complain(err, "the client")
		if err == nil {
			l.proxy.sent(l, args)
			if r.Buffered() > 0 && len(r.raw) < batch {
				continue
			}
		}
		_, broken := l.server.Write(r.raw)
		r.raw = r.raw[:0]
		switch {
		case err != nil:
			l.unlessDetached(func() { _ = l.server.CloseWrite() }) // the server will close
			return
		case broken != nil:
			// The server is gone. If we closed while the client sends, it might never
			// see the last answers.
			_, _ = io.Copy(io.Discard, l.client)
			return
		}
	}
}

// passReplies ends when the server closes, a reply is lost, or after a fault.
func (l *link) passReplies() {
	r := newReader(l.server)
	for lost := false; !lost; {
		whole := len(r.raw)
		v, err := r.reply()
		l.complain(err, "the server")
		if err == nil {
			if lost = l.proxy.loses(l, v); lost {
				r.raw = r.raw[:whole]
			} else if r.Buffered() > 0 && len(r.raw) < batch {
				continue
			}
		}
		_, broken := l.client.Write(r.raw)
		r.raw = r.raw[:0]
		if err != nil || broken != nil {
			break
		}
	}
	l.unlessDetached(func() {
		_ = l.client.CloseWrite()
		_ = l.server.Close()
	})
}

func (l *link) complain(err error, who string) {
	if errors.Is(err, errNotRESP) {
		l.proxy.t.Errorf("redistest: the proxy at %s can't understand %s: %v", l.proxy.addr, who, err)
	}
}

func (l *link) unlessDetached(f func()) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if !l.detached {
		f()
	}
}

// reset breaks both connections. The link is detached.
func (l *link) reset() { l.each(breakOff) }

func breakOff(c *net.TCPConn) {
	_ = c.SetLinger(0) // if it fails the connection is broken already
	_ = c.Close()
}

// freeze lets both connections carry nothing any more. The link is detached.
func (l *link) freeze() {
	l.each(func(c *net.TCPConn) { _ = c.SetDeadline(time.Unix(1, 0)) })
}

func (l *link) each(f func(*net.TCPConn)) {
	l.cancel()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	f(l.client)
	if l.server != nil {
		f(l.server)
	}
}
