package redis_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"
)

// network is the way to a miniredis within a bubble of testing/synctest. It breaks
// as a test says.
type network struct {
	server *miniredis.Miniredis

	mu      sync.Mutex // protects what follows, and all wires; nobody waits for the server under it
	changed *sync.Cond
	wires   map[*wire]bool
	refused bool   // new connections are
	hole    bool   // new connections are dead
	loses   bool   // the answer to the next script
	stuck   string // a connection that sends this gets stuck
}

// newNetwork must be called in the bubble.
func newNetwork(t testing.TB) *network {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true)
	t.Cleanup(server.Close)
	return networkTo(server)
}

// networkTo is one of several ways to a server.
func networkTo(server *miniredis.Miniredis) *network {
	n := &network{server: server, wires: map[*wire]bool{}}
	n.changed = sync.NewCond(&n.mu)
	return n
}

// client connects through n. Its address is a number, since go-redis would look
// up a name, and what that makes in the bubble is used outside of it.
func (n *network) client(o goredis.Options) *goredis.Client {
	o.Addr, o.Dialer = "127.0.0.1:6379", n.dial
	return goredis.NewClient(&o)
}

// dial returns a connection that is written to without waiting for the server to
// read, as a socket is and a pipe isn't: miniredis doesn't read while it writes.
func (n *network) dial(context.Context, string, string) (net.Conn, error) {
	n.mu.Lock()
	refused := n.refused
	n.mu.Unlock()
	if refused {
		return nil, errors.New("the network refuses")
	}
	pipe, err := n.server.Dial() // may wait for what others have to read
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	w := &wire{Conn: pipe, network: n, dead: n.hole}
	n.wires[w] = true
	go w.flush()
	return w, nil
}

// set changes how the network is.
func (n *network) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
	n.changed.Broadcast()
}

// cut breaks all connections, and refuses new ones if so told.
func (n *network) cut(refuse bool) {
	n.set(func() {
		n.refused = refuse
		for w := range n.wires {
			w.broken = net.ErrClosed
			_ = w.Conn.Close() // a pipe's has no error
		}
	})
}

// blackHole lets all connections carry nothing any more; and new ones, until heal.
func (n *network) blackHole() {
	n.set(func() {
		n.hole = true
		for w := range n.wires {
			w.dead = true
		}
	})
}

func (n *network) heal() { n.set(func() { n.hole = false }) }

// silence is a black hole for those that are subscribed, and only them.
func (n *network) silence() {
	n.set(func() {
		for w := range n.wires {
			w.dead = w.subscribed
		}
	})
}

// wire is a connection.
type wire struct {
	net.Conn
	network    *network
	buffer     []byte
	subscribed bool // ever
	stuck      bool // what it sends stays where it is, while the network is so
	loses      bool // the next answer, and breaks
	dead       bool // it carries nothing, in either direction, for ever
	broken     error
}

func (w *wire) Read(b []byte) (int, error) {
	for {
		read, err := w.Conn.Read(b)
		w.network.mu.Lock()
		dead, loses := w.dead, w.loses
		w.network.mu.Unlock()
		if loses {
			_ = w.Close() // a pipe's has no error
			return 0, io.ErrUnexpectedEOF
		}
		if err != nil || !dead {
			return read, err
		}
	}
}

func (w *wire) Write(b []byte) (int, error) {
	n := w.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if w.broken != nil {
		return 0, w.broken
	}
	if w.dead {
		return len(b), nil
	}
	w.buffer = append(w.buffer, b...)
	if n.loses && bytes.Contains(b, []byte("\r\nevalsha\r\n")) {
		n.loses, w.loses = false, true
	}
	w.subscribed = w.subscribed || bytes.Contains(b, []byte("\r\nsubscribe\r\n"))
	w.stuck = w.stuck || n.stuck != "" && bytes.Contains(b, []byte(n.stuck))
	n.changed.Broadcast()
	return len(b), nil
}

// flush ends with the connection.
func (w *wire) flush() {
	n := w.network
	n.mu.Lock()
	defer n.mu.Unlock()
	for w.broken == nil {
		if len(w.buffer) == 0 || w.stuck && n.stuck != "" {
			n.changed.Wait()
			continue
		}
		b := w.buffer
		w.buffer = nil
		n.mu.Unlock()
		_, err := w.Conn.Write(b)
		n.mu.Lock()
		if w.broken == nil {
			w.broken = err
		}
	}
}

func (w *wire) Close() error {
	n := w.network
	n.mu.Lock()
	w.broken = net.ErrClosed
	delete(n.wires, w)
	n.changed.Broadcast()
	n.mu.Unlock()
	return w.Conn.Close()
}
