package conformance_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var unsubscribeMutants = []mutant{{
	name:    "who closes a subscription closes all of the room",
	rule:    "subscriptions/close-ends-that-one",
	harness: hubs(closeEndsRoom),
}, {
	name:    "who closes a subscription twice is counted twice",
	rule:    "subscriptions/close-twice",
	harness: hubs(closeCountsTwice),
}, {
	name:    "a Close while another one is under way is an error",
	rule:    "subscriptions/close-at-once",
	harness: busyCloses,
}, {
	name:    "what is queued comes after Close",
	rule:    "subscriptions/closed-is-silent",
	harness: inboxes(staysWhenEnds),
}, {
	name: "Close doesn't wait until the store has unsubscribed",
	rule: "subscriptions/closed-is-silent",
	harness: subscriptionClose(func(s broker.Subscription, _ context.Context) error {
		time.AfterFunc(time.Millisecond, func() { _ = s.Close(context.Background()) }) // memory's has no error
		return nil
	}),
}, {
	name:    "a room that was left is unsubscribed although somebody has come again",
	rule:    "subscriptions/churn",
	harness: hubs(unsubscribesLate),
}, {
	name:    "subscriptions are closed here, and not at the store",
	rule:    "subscriptions/unsubscribed",
	harness: neverUnsubscribed,
}}

// subscriptionClose is the good broker with another Close of subscriptions.
func subscriptionClose(f func(broker.Subscription, context.Context) error) func() conformance.Harness {
	return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		sub, err := b.Subscribe(ctx, key, h)
		if err != nil {
			return nil, err
		}
		return &closedBy{sub, f}, nil
	}})
}

type closedBy struct {
	sub broker.Subscription
	f   func(broker.Subscription, context.Context) error
}

func (c *closedBy) Close(ctx context.Context) error { return c.f(c.sub, ctx) }

func neverUnsubscribed() conformance.Harness {
	return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		in := &inbox{handler: h}
		sub, err := b.Subscribe(ctx, key, in.hear())
		if err != nil {
			return nil, err
		}
		return &closedBy{sub, func(broker.Subscription, context.Context) error {
			in.close()
			return nil
		}}, nil
	}})()
}

func busyCloses() conformance.Harness {
	return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		sub, err := b.Subscribe(ctx, key, h)
		if err != nil {
			return nil, err
		}
		var busy atomic.Bool
		return &closedBy{sub, func(s broker.Subscription, ctx context.Context) error {
			if busy.Swap(true) {
				return errors.New("it is being closed")
			}
			defer busy.Store(false)
			pause(time.Millisecond) // the store is told
			return s.Close(ctx)
		}}, nil
	}})()
}
