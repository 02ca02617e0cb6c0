package conformance_test

import (
	"context"
	"errors"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var contextMutants = []mutant{{
	name: "the context's error is put into words",
	rule: "contexts/error",
	harness: eachMemory(twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
		r, err := b.Load(ctx, key, members)
		if err != nil && ctx.Err() != nil {
			err = errors.New("load failed: " + err.Error())
		}
		return r, err
	}}),
}, {
	name: "a deadline is a cancellation",
	rule: "contexts/error",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		if ctx.Err() != nil {
			return broker.Receipt{}, context.Canceled
		}
		return b.Commit(ctx, key, c)
	}}),
}, {
	name: "Commit looks at its context when it has sent all",
	rule: "contexts/ended-commit",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(context.WithoutCancel(ctx), key, c)
		if ctx.Err() != nil {
			return broker.Receipt{}, ctx.Err()
		}
		return receipt, err
	}}),
}, {
	name: "Subscribe looks at its context when it has subscribed",
	rule: "contexts/ended-subscribe",
	harness: eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		sub, err := b.Subscribe(context.WithoutCancel(ctx), key, h)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return sub, err
	}}),
}, {
	name: "Subscribe forgets what it has asked for when its context ends",
	rule: "contexts/given-up-subscribe",
	harness: eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		if ctx.Err() != nil {
			return b.Subscribe(ctx, key, h)
		}
		sub, err := b.Subscribe(ctx, key, h)
		pause(100 * time.Microsecond) // until the store answers
		if err == nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return sub, err
	}}),
}, {
	name: "Close of a subscription looks at its context first",
	rule: "contexts/ended-close",
	harness: subscriptionClose(func(s broker.Subscription, ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.Close(ctx)
	}),
}, {
	name: "the deadline of Subscribe is that of the subscription's connection",
	rule: "contexts/subscription-stays",
	harness: eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		sub, err := b.Subscribe(ctx, key, h)
		if deadline, ok := ctx.Deadline(); ok && err == nil {
			timer := time.AfterFunc(time.Until(deadline), func() { _ = sub.Close(context.Background()) }) // memory's has no error
			return whenClosed(sub, func() { timer.Stop() }), nil
		}
		return sub, err
	}}),
}, {
	name: "when a context ends, the value has been written, and the messages have not",
	rule: "contexts/whole-or-not",
	harness: givenUp(func(b broker.Broker, key broker.Key, c broker.Commit) {
		c.Messages = nil
		_, _ = b.Commit(context.Background(), key, c) // nobody waits for it any more
	}),
}, {
	name: "when a context ends, the receipt is not written",
	rule: "contexts/whole-or-not",
	harness: givenUp(func(b broker.Broker, key broker.Key, c broker.Commit) {
		c.ID.Writer += " without receipt"
		_, _ = b.Commit(context.Background(), key, c) // nobody waits for it any more
	}),
}}

// givenUp is the good broker, but that a commit takes a millisecond, and that
// what it does is left if its context ends meanwhile.
func givenUp(left func(broker.Broker, broker.Key, broker.Commit)) func() conformance.Harness {
	return eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		if ctx.Err() != nil {
			return broker.Receipt{}, ctx.Err()
		}
		timer := time.NewTimer(time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
			return b.Commit(ctx, key, c)
		case <-ctx.Done():
			left(b, key, c)
			return broker.Receipt{}, ctx.Err()
		}
	}})
}
