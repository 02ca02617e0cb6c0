package conformance_test

import (
	"context"
	"errors"
	"time"

	"github.com/spinneyio/est/broker"
)

// network is a handle's way to the server. Faults are done to it. The server's
// lock protects it, and its links.
type network struct {
	server *server
	links  map[*link]bool // that are not broken

	closed    bool // by the handle
	held      bool // there are no new links
	hole      bool // new links are dead
	loseReply bool // of the next commit
}

// link is a connection.
type link struct {
	net     *network
	broken  chan struct{} // closed when both sides know that it is
	dead    bool          // nothing gets through, and neither side knows
	inbox   []packet
	arrived chan struct{} // has one if inbox is not empty
}

// packet is from the server: a message for sub, or that sub is subscribed, or the
// answer of a ping.
type packet struct {
	sub     *remoteSubscription
	message *broker.Message
}

var (
	errBroken  = errors.New("remote: the connection broke")
	errRefused = errors.New("remote: connection refused")
)

func (n *network) dial() (*link, error) {
	n.server.mu.Lock()
	defer n.server.mu.Unlock()
	if n.held || n.closed {
		return nil, errRefused
	}
	l := &link{net: n, dead: n.hole, broken: make(chan struct{}), arrived: make(chan struct{}, 1)}
	n.links[l] = true
	return l, nil
}

// set changes n, and what is on its links.
func (n *network) set(change func()) {
	n.server.mu.Lock()
	defer n.server.mu.Unlock()
	change()
}

// cut breaks all links. The server's lock is held.
func (n *network) cut() {
	for l := range n.links {
		l.cutLocked()
	}
}

func (l *link) cut() { l.net.set(l.cutLocked) }

// cutLocked breaks l. What was under way on it is lost.
func (l *link) cutLocked() {
	if !l.net.links[l] {
		return
	}
	delete(l.net.links, l)
	l.inbox = nil
	l.net.server.forget(func(f feed) bool { return f.link == l })
	close(l.broken)
}

func (l *link) isBroken() bool {
	select {
	case <-l.broken:
		return true
	default:
		return false
	}
}

// call does ask at the server, and waits for the answer.
func (l *link) call(ctx context.Context, ask func()) error {
	for _, f := range []func(){ask, func() {}} { // there, and back
		l.travel(ctx)
		if ctx.Err() == nil && l.do(f) {
			continue
		}
		select {
		case <-l.broken:
			return errBroken
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// travel waits as long as a packet takes.
func (l *link) travel(ctx context.Context) {
	if l.net.server.delay == 0 {
		return
	}
	arrives := time.NewTimer(l.net.server.delay)
	defer arrives.Stop()
	select {
	case <-arrives.C:
	case <-ctx.Done():
	case <-l.broken:
	}
}

// do does f at the server, if packets get there, and says whether.
func (l *link) do(f func()) (alive bool) {
	l.net.set(func() {
		if alive = l.net.links[l] && !l.dead; alive {
			f()
		}
	})
	return alive
}

// committed is what the server does after a commit: it loses the reply, if it is to.
func (l *link) committed() {
	if l.net.loseReply {
		l.net.loseReply = false
		l.cutLocked()
	}
}

func (l *link) ping() { l.do(func() { l.push(packet{}) }) }

func (l *link) subscribe(s *remoteSubscription) {
	l.do(func() {
		l.net.server.feeds[s.key] = append(l.net.server.feeds[s.key], feed{l, s})
		l.push(packet{sub: s})
	})
}

func (l *link) unsubscribe(s *remoteSubscription) {
	l.do(func() { l.net.server.forget(func(f feed) bool { return f.sub == s }) })
}

// push sends p to the handle. The server cuts a link that lags behind.
func (l *link) push(p packet) {
	switch {
	case l.dead || !l.net.links[l]:
	case len(l.inbox) == inboxLimit:
		l.cutLocked()
	default:
		l.inbox = append(l.inbox, p)
		select {
		case l.arrived <- struct{}{}:
		default:
		}
	}
}

// receive takes what has arrived.
func (l *link) receive() (packets []packet) {
	l.net.set(func() { packets, l.inbox = l.inbox, nil })
	return packets
}
