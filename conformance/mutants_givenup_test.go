package conformance_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var givenUpMutants = []mutant{{
	name: "Close of a handle looks at its context first",
	rule: "closing/ended-context",
	harness: eachMemory(twist{close: func(b broker.Broker, ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return b.Close(ctx)
	}}),
}, {
	name:    "Close waits for handlers, and then ends the subscriptions",
	rule:    "closing/given-up",
	harness: waitsFirst,
}, {
	name: "a Close that is given up looks for the end of handlers now and then",
	rule: "closing/given-up",
	harness: eachMemory(twist{close: func(b broker.Broker, ctx context.Context) error {
		err := b.Close(ctx)
		if err != nil {
			go pause(30 * time.Second)
		}
		return err
	}}),
}}

// waitsFirst is a handle whose Close ends nothing before no handler runs. Its calls
// know that it is closed.
func waitsFirst() conformance.Harness {
	return twistMemory(func() twist {
		var closed atomic.Bool
		var running atomic.Int32
		check := func() error {
			if closed.Load() {
				return broker.ErrClosed
			}
			return nil
		}
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				if err := check(); err != nil {
					return broker.Record{}, err
				}
				return b.Load(ctx, key, members)
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				if err := check(); err != nil {
					return broker.Receipt{}, err
				}
				return b.Commit(ctx, key, c)
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				if err := check(); err != nil {
					return nil, err
				}
				hear := h.Message
				h.Message = func(m broker.Message) {
					running.Add(1)
					defer running.Add(-1)
					hear(m)
				}
				return b.Subscribe(ctx, key, h)
			},
			close: func(b broker.Broker, ctx context.Context) error {
				closed.Store(true)
				for running.Load() > 0 {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					pause(time.Millisecond)
				}
				return b.Close(ctx)
			},
		}
	})
}
