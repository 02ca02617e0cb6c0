package conformance_test

import (
	"context"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var deliveryMutants = []mutant{{
	name:    "one goroutine of a handle calls all handlers",
	rule:    "subscriptions/slow-delays-nobody",
	harness: oneDispatcher,
}, {
	name:    "Commit returns when the handlers have",
	rule:    "subscriptions/slow-delays-nobody",
	harness: commitWaits,
}, {
	name:    "several goroutines take from a subscription's queue",
	rule:    "subscriptions/one-call-at-a-time",
	harness: inboxes(workers),
}, {
	name:    "messages carry the version before their commit",
	rule:    "subscriptions/fields",
	harness: olderVersions,
}, {
	name:    "all messages of a commit have the position of the last",
	rule:    "subscriptions/fields",
	harness: lastPositions,
}, {
	name:    "own messages don't wait for the others'",
	rule:    "subscriptions/one-order",
	harness: ownFirst,
}, {
	name:    "the messages of a commit are published one by one",
	rule:    "subscriptions/one-order",
	harness: oneByOne,
}, {
	name:    "messages are published before others see the commit",
	rule:    "subscriptions/message-implies-state",
	harness: publishedFirst,
}, {
	name:    "Close of a subscription waits for its handler",
	rule:    "subscriptions/calls-in-handlers",
	harness: closeWaits,
}, {
	name:    "Subscribe waits until no handler is running",
	rule:    "subscriptions/calls-in-handlers",
	harness: subscribeWaits,
}}

// oneDispatcher calls one handler at a time in each handle.
func oneDispatcher() conformance.Harness {
	return twistMemory(func() twist {
		turn := make(chan struct{}, 1)
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			return b.Subscribe(ctx, key, around(h, func() { turn <- struct{}{} }, func() { <-turn }))
		}}
	})
}

// around is h with something done before and after each call.
func around(h broker.Handler, before, after func()) broker.Handler {
	return broker.Handler{
		Message: func(m broker.Message) {
			before()
			defer after()
			h.Message(m)
		},
		Gap: func(reason error) {
			before()
			defer after()
			h.Gap(reason)
		},
	}
}

// calls counts the calls of handlers that are under way.
type calls struct {
	mu   sync.Mutex // protects what follows
	n    int
	none chan struct{} // closed when there are none
}

func (c *calls) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n == 1 {
		c.none = make(chan struct{})
	}
}

func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 {
		close(c.none)
	}
}

// wait waits until there are none, or ctx ends.
func (c *calls) wait(ctx context.Context) error {
	c.mu.Lock()
	none, n := c.none, c.n
	c.mu.Unlock()
	if n == 0 {
		return nil
	}
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func commitWaits() conformance.Harness {
	var mu sync.Mutex // protects running
	running := map[broker.Key]*calls{}
	of := func(key broker.Key) *calls {
		mu.Lock()
		defer mu.Unlock()
		if running[key] == nil {
			running[key] = &calls{}
		}
		return running[key]
	}
	return twistMemory(func() twist {
		return twist{
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				return b.Subscribe(ctx, key, around(h, of(key).begin, of(key).end))
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				receipt, err := b.Commit(ctx, key, c)
				if err != nil || len(c.Messages) == 0 {
					return receipt, err
				}
				return receipt, of(key).wait(ctx)
			},
		}
	})
}

func subscribeWaits() conformance.Harness {
	return twistMemory(func() twist {
		var running calls
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			if err := running.wait(ctx); err != nil {
				return nil, err
			}
			return b.Subscribe(ctx, key, around(h, running.begin, running.end))
		}}
	})
}

func closeWaits() conformance.Harness {
	return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		var running calls
		sub, err := b.Subscribe(ctx, key, around(h, running.begin, running.end))
		if err != nil {
			return nil, err
		}
		return &closedBy{sub, func(sub broker.Subscription, ctx context.Context) error {
			_ = sub.Close(ctx) // memory's has no error
			return running.wait(ctx)
		}}, nil
	}})()
}
