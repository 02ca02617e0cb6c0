package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// remote is a broker on a server behind a network: a correct one, to be read as a
// model, and to be broken on purpose. It is what a client of Redis or NATS has to
// be, but for the bytes:
//
//   - Each call has a connection to itself, from a pool. A call returns when its
//     context ends, whatever the connection does; one that may be dead is not used
//     again.
//   - All messages come through one connection, the stream, which a goroutine
//     reads. It asks for a sign of life now and then, since a dead connection says
//     nothing. When it has broken, that goroutine makes another, for ever, subscribes
//     again, and waits for the server's word that it has. Then it tells the gap.
//   - Each subscription has a bounded queue, and a goroutine while there is
//     something in it. A gap is: what comes is dropped, until the queue has run dry
//     and the handler has been told.
type remote struct {
	server *server
	net    *network
	ways   ways

	closing   chan struct{} // closed by Close: nothing waits any longer
	listening chan struct{} // closed when listen has ended
	idle      chan struct{} // closed when, after Close, no handler runs any more

	mu      sync.Mutex // protects what follows, and the subscriptions; the server's is taken under it
	closed  bool
	pool    []*link // connections that no call uses
	stream  *link   // where messages come from; nil while there is none
	subs    []*remoteSubscription
	running int // goroutines that call handlers
}

// ways are what mutants do otherwise.
type ways struct {
	probe   time.Duration                                 // between two probes of the stream
	resume  func(l *link, subs []*remoteSubscription)     // subscribes them again, through a new stream
	resumed func(s *remoteSubscription)                   // the server has confirmed it again
	broken  func(r *remote)                               // the stream is no more
	hear    func(s *remoteSubscription, m broker.Message) // a message came; r.mu is held
	decided func(s *server)                               // between reading and writing a record; s.mu is held
}

var rightWays = ways{
	probe: time.Second,
	resume: func(l *link, subs []*remoteSubscription) {
		for _, s := range subs {
			l.subscribe(s)
		}
	},
	resumed: func(s *remoteSubscription) { s.lose(errBroken) },
	broken:  func(*remote) {},
	hear:    (*remoteSubscription).enqueue,
	decided: func(*server) {},
}

var errOverflow = errors.New("remote: the queue of the subscription overflowed")

// answerTime is for how long a call waits for an answer. What takes longer is
// on a connection that is dead.
const answerTime = 3 * time.Second

func (s *server) open() *remote {
	r := &remote{
		server: s, net: &network{server: s, links: map[*link]bool{}}, ways: s.ways,
		closing: make(chan struct{}), listening: make(chan struct{}), idle: make(chan struct{}),
	}
	s.mu.Lock()
	s.networks = append(s.networks, r.net)
	s.mu.Unlock()
	go r.listen()
	return r
}

func (r *remote) Load(ctx context.Context, key broker.Key, members bool) (record broker.Record, err error) {
	if err := checkKey(key); err != nil {
		return broker.Record{}, err
	}
	err = r.call(ctx, func(*link) { record = r.server.state(key).Record(members) })
	return record, err
}

func (r *remote) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	var receipt broker.Receipt
	var refused error
	err := r.call(ctx, func(l *link) {
		receipt, refused = r.server.commit(key, c)
		l.committed()
	})
	if err != nil {
		return broker.Receipt{}, fmt.Errorf("%w: %w", broker.ErrOutcomeUnknown, err)
	}
	return receipt, refused
}

// call has the server do ask, and waits for the answer.
func (r *remote) call(ctx context.Context, ask func(*link)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("remote: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	l, err := r.take()
	if err == nil {
		err = l.call(bounded, func() { ask(l) })
		r.give(l, err == nil)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case r.isClosed():
		err = broker.ErrClosed
	}
	return fmt.Errorf("remote: %w", err)
}

// take returns a connection for a call.
func (r *remote) take() (*link, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := len(r.pool); n > 0; n = len(r.pool) {
		l := r.pool[n-1]
		if r.pool = r.pool[:n-1]; !l.isBroken() {
			return l, nil
		}
	}
	return r.net.dial()
}

// give puts l into the pool. If a call has failed on it the whole pool goes, since
// the others may be dead too.
func (r *remote) give(l *link, well bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pool = append(r.pool, l); well && len(r.pool) <= 16 {
		return
	}
	for _, l := range r.pool {
		l.cut()
	}
	r.pool = nil
}

func (r *remote) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Close needs nothing of the network.
func (r *remote) Close(ctx context.Context) error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
		r.net.set(func() {
			r.net.closed = true
			r.net.cut()
		})
		for _, s := range slices.Clone(r.subs) {
			s.end()
		}
		r.tellIdle()
	}
	r.mu.Unlock()
	<-r.listening
	select {
	case <-r.idle:
		return nil
	default:
	}
	select {
	case <-r.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("remote: a handler is still running: %w", ctx.Err())
	}
}

// tellIdle closes idle if its time has come. r.mu is held.
func (r *remote) tellIdle() {
	if r.closed && r.running == 0 {
		close(r.idle)
	}
}

// listen sees to it that there is a stream, until Close.
func (r *remote) listen() {
	defer close(r.listening)
	for attempt := 0; ; attempt++ {
		if l, err := r.net.dial(); err == nil {
			attempt = 0
			r.read(l)
			l.cut()
			r.ways.broken(r)
		}
		pause := time.NewTimer(10 * time.Millisecond << min(attempt, 6))
		select {
		case <-pause.C:
		case <-r.closing:
			pause.Stop()
			return
		}
	}
}

// read makes l the stream, and reads it until it breaks or is found dead.
func (r *remote) read(l *link) {
	r.setStream(l)
	defer r.setStream(nil)
	probe := time.NewTicker(r.ways.probe)
	defer probe.Stop()
	alive := true
	for {
		select {
		case <-l.broken:
			return
		case <-l.arrived:
			for _, p := range l.receive() {
				alive = true
				r.handle(p)
			}
		case <-probe.C:
			if !alive {
				return
			}
			alive = false
			l.ping()
		}
	}
}

func (r *remote) setStream(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stream = l; l != nil {
		r.ways.resume(l, r.subs)
	}
}

// handle does what the server's packet says.
func (r *remote) handle(p packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case p.sub == nil: // the answer of a ping
	case p.message != nil:
		r.ways.hear(p.sub, *p.message)
	case p.sub.isLive:
		r.ways.resumed(p.sub)
	default:
		p.sub.isLive = true
		close(p.sub.live)
	}
}
