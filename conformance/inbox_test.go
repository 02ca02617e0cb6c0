package conformance_test

import (
	"context"
	"errors"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// inbox is a queue of its own before a handler, as a broker has it that reads
// from a connection. It is right, but for its flaw.
type inbox struct {
	handler broker.Handler
	flaw    flaw

	mu      sync.Mutex // protects what follows
	queue   []func()   // calls of the handler
	lost    int        // messages, since the last gap
	running int        // goroutines in run
	closed  bool
}

// flaw is what is wrong with an inbox.
type flaw int

const (
	none          flaw = iota
	workers            // several goroutines take from the queue
	silent             // what doesn't fit is dropped
	dropsOldest        // for what is new, and tells it at the end
	waitsForMore       // tells a loss when the next message comes
	gapForEach         // lost message
	deafInGap          // drops what comes while Gap runs
	staysWhenEnds      // delivers what is queued when it is closed
)

var errInboxFull = errors.New("overflow")

// inboxes is the good broker with an inbox before each handler.
func inboxes(f flaw) func() conformance.Harness {
	return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		in := &inbox{handler: h, flaw: f}
		sub, err := b.Subscribe(ctx, key, in.hear())
		return whenClosed(sub, in.close), err
	}})
}

// hear is the handler that fills the inbox.
func (in *inbox) hear() broker.Handler {
	return broker.Handler{
		Message: func(m broker.Message) { in.message(func() { in.handler.Message(m) }) },
		Gap:     in.gap,
	}
}

func (in *inbox) message(call func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.flaw == waitsForMore && in.lost > 0 && len(in.queue) == 0 {
		in.lost = 0
		in.add(func() { in.handler.Gap(errInboxFull) })
	}
	switch full := len(in.queue) >= queueLimit; {
	case in.lost > 0 && in.flaw != dropsOldest, full && in.flaw != silent && in.flaw != dropsOldest:
		in.lost++
	case full && in.flaw == dropsOldest:
		in.lost++
		in.queue = in.queue[1:]
		in.add(call)
	case !full:
		in.add(call)
	}
}

func (in *inbox) gap(reason error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.add(func() { in.handler.Gap(reason) })
}

// add queues a call. The lock is held.
func (in *inbox) add(call func()) {
	if in.closed {
		return
	}
	in.queue = append(in.queue, call)
	if in.running == 0 || in.flaw == workers && in.running < 4 {
		in.running++
		go in.run()
	}
}

func (in *inbox) run() {
	for {
		call := in.next()
		if call == nil {
			return
		}
		call()
	}
}

// next takes the next call; nil if there is none.
func (in *inbox) next() (call func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case len(in.queue) > 0:
		call, in.queue = in.queue[0], in.queue[1:]
		return call
	case in.lost > 0 && in.flaw == deafInGap:
		return func() {
			in.handler.Gap(errInboxFull)
			in.mu.Lock()
			defer in.mu.Unlock()
			in.lost = 0
		}
	case in.lost > 0 && in.flaw != waitsForMore:
		if in.lost--; in.flaw != gapForEach {
			in.lost = 0
		}
		return func() { in.handler.Gap(errInboxFull) }
	}
	in.running--
	return nil
}

func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed = true; in.flaw != staysWhenEnds {
		in.queue, in.lost = nil, 0
	}
}

// whenClosed is sub, but that its Close also calls also, before.
func whenClosed(sub broker.Subscription, also func()) broker.Subscription {
	if sub == nil {
		return nil
	}
	return &closer{sub, also}
}

type closer struct {
	broker.Subscription
	also func()
}

func (c *closer) Close(ctx context.Context) error {
	c.also()
	return c.Subscription.Close(ctx)
}
