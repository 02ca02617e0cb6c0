package conformance_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var leakMutants = []mutant{{
	name:    "each subscription has a goroutine that ends with the handle",
	rule:    "closing/no-goroutine-of-a-subscription",
	harness: lingeringSubscriptions,
}, {
	name: "a goroutine of a handle doesn't end with it",
	rule: "closing/no-goroutine",
	harness: eachMemory(twist{close: func(b broker.Broker, ctx context.Context) error {
		go pause(30 * time.Second) // until its next look at the clock
		return b.Close(ctx)
	}}),
}, {
	name:    "a second subscription, for notices, is forgotten by Close",
	rule:    "closing/unsubscribed",
	harness: forgottenSubscriptions,
}}

func lingeringSubscriptions() conformance.Harness {
	return twistMemory(func() twist {
		closed := make(chan struct{})
		end := sync.OnceFunc(func() { close(closed) })
		return twist{
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				sub, err := b.Subscribe(ctx, key, h)
				if err == nil {
					go func() { <-closed }()
				}
				return sub, err
			},
			close: func(b broker.Broker, ctx context.Context) error {
				end()
				return b.Close(ctx)
			},
		}
	})
}

func forgottenSubscriptions() conformance.Harness {
	var notices broker.Broker // the first handle
	h := twistMemory(func() twist {
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			sub, err := b.Subscribe(ctx, key, h)
			if err != nil {
				return nil, err
			}
			notice, err := notices.Subscribe(ctx, key, broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}})
			if err != nil {
				return nil, errors.Join(err, sub.Close(ctx))
			}
			return whenClosed(sub, func() { _ = notice.Close(ctx) }), nil // memory's has no error
		}}
	})
	first, err := h.Open()
	if err != nil {
		panic(err)
	}
	notices = first.(*twisted).Broker
	return h
}
