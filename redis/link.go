package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// link is one connection for messages. It is given up at the first error, and
// never mended: go-redis would do that too, but without telling what was missed.
type link struct {
	s      *subscriber
	pubsub *goredis.PubSub
	probe  string        // a topic of its own, to hear itself
	heard  atomic.Uint64 // what was received, counted
	wake   chan struct{} // holds one: there is something to send
	behind chan struct{} // holds one: there are topics whose position has to be known
}

// batch is how many topics are named in one command.
const batch = 512

// run makes one connection after the other, until the broker is closed.
func (s *subscriber) run() {
	for attempt := 0; s.ctx.Err() == nil; attempt++ {
		began := time.Now()
		l := &link{
			s: s, pubsub: s.client.Subscribe(s.ctx), probe: s.broker.options.Prefix + ":p:" + rand.Text(),
			wake: make(chan struct{}, 1), behind: make(chan struct{}, 1),
		}
		err := l.serve()
		// Closing waits for a write that hangs.
		s.tasks.Go(func() { _ = l.pubsub.Close() })
		s.down(err)
		if time.Since(began) > time.Second { // it was of use
			attempt = 0
		}
		s.pause(attempt)
	}
}

// pause waits about 10 ms, and twice as long for each attempt, up to a second.
func (s *subscriber) pause(attempt int) {
	about := min(10*time.Millisecond<<min(attempt, 7), time.Second)
	timer := time.NewTimer(about/2 + mathrand.N(about))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// serve uses the connection until it breaks, and returns why.
func (l *link) serve() error {
	if err := l.pubsub.Subscribe(l.s.ctx, l.probe); err != nil { // connects
		return err
	}
	l.s.up(l)
	ctx, cancel := context.WithCancelCause(l.s.ctx)
	l.s.tasks.Go(func() { cancel(l.read()) })
	l.s.tasks.Go(func() { cancel(l.write(ctx)) })
	l.s.tasks.Go(func() { cancel(l.watch(ctx)) })
	l.s.tasks.Go(func() { cancel(l.catchUp(ctx)) })
	<-ctx.Done()
	return context.Cause(ctx)
}

// read hands in what comes, until the connection is closed. It has no timeout: one
// in the middle of a message would tear that apart.
func (l *link) read() error {
	for probes := 0; ; {
		m, err := l.pubsub.Receive(l.s.ctx)
		if err != nil {
			return err
		}
		l.heard.Add(1)
		switch m := m.(type) {
		case *goredis.Message:
			l.s.published(l, m.Channel, m.Payload)
		case *goredis.Subscription:
			if m.Channel == l.probe {
				if probes++; probes > 1 {
					return errReplaced
				}
			}
			l.s.acknowledged(l, m.Channel)
		}
	}
}

// write sends what the server has to be told.
func (l *link) write(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.wake:
		}
		for {
			subscribe, unsubscribe := l.s.unsent(l, batch)
			if len(subscribe)+len(unsubscribe) == 0 {
				break
			}
			if len(subscribe) > 0 {
				if err := l.pubsub.Subscribe(ctx, subscribe...); err != nil {
					return err
				}
			}
			if len(unsubscribe) > 0 {
				if err := l.pubsub.Unsubscribe(ctx, unsubscribe...); err != nil {
					return err
				}
			}
		}
	}
}

// catchUp finds out where rooms are that were heard over another connection before,
// in a cluster. There messages come by way of other nodes, so one that was heard
// already may come again over the new connection. Those up to the position, as it is
// before the gap is told, are dropped: the gap stands for them.
func (l *link) catchUp(ctx context.Context) error {
	const atOnce = 64
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.behind:
		}
		for topics := l.s.nextBehind(l, atOnce); len(topics) > 0; topics = l.s.nextBehind(l, atOnce) {
			var loads sync.WaitGroup
			for _, t := range topics {
				loads.Go(func() {
					call, cancel := context.WithTimeout(ctx, l.s.broker.options.Probe)
					defer cancel()
					asked := time.Now()
					r, err := l.s.broker.load(call, t.key, false)
					if err != nil {
						l.s.pause(4) // its node is away
					}
					l.s.caughtUp(l, t, r.At, asked, err)
				})
			}
			loads.Wait()
		}
	}
}

// errReplaced: go-redis made a new connection without telling, as it does when the
// server announces that it moves; it has subscribed to everything again.
var errReplaced = errors.New("the client replaced the connection")

var errSilent = errors.New("a message to ourselves did not come back")

// watch tries a connection that is silent, and returns if it is dead. A message to
// ourselves goes the way that all go: to the server by the client, and back by
// this connection. If it can't be sent, that says nothing about this connection,
// but it isn't trusted until something is heard.
func (l *link) watch(ctx context.Context) error {
	every := time.NewTicker(l.s.broker.options.Probe)
	defer every.Stop()
	before, sent := uint64(0), false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
		}
		if heard := l.heard.Load(); heard != before {
			before, sent = heard, false
			continue
		}
		if sent {
			return fmt.Errorf("%w within %v", errSilent, l.s.broker.options.Probe)
		}
		call, cancel := context.WithTimeout(ctx, l.s.broker.options.Probe)
		err := l.s.broker.calls.do(call, goredis.NewIntCmd(call, "publish", l.probe, ""))
		cancel()
		if sent = err == nil; !sent {
			l.s.doubt(l, err)
		}
		every.Reset(l.s.broker.options.Probe) // it gets its whole time, however long sending took
	}
}
