package conformance_test

import (
	"context"
	"time"

	"github.com/spinneyio/est/broker"
)

// subscribeInTime reports success if there is no answer in 100 ms.
func subscribeInTime(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	return subscribeWithin(100*time.Millisecond, b, ctx, key, h)
}

// subscribeAnyway goes on when it has returned an error.
func subscribeAnyway(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	return subscribeWithin(time.Hour, b, ctx, key, h)
}

func subscribeWithin(d time.Duration, b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	late := &lateSubscription{done: make(chan struct{})}
	go func() {
		defer close(late.done)
		late.sub, late.err = b.Subscribe(context.WithoutCancel(ctx), key, h)
	}()
	enough := time.NewTimer(d)
	defer enough.Stop()
	select {
	case <-late.done:
		return late.sub, late.err
	case <-enough.C:
		return late, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lateSubscription has sub or err when done is closed.
type lateSubscription struct {
	done chan struct{}
	sub  broker.Subscription
	err  error
}

func (l *lateSubscription) Close(ctx context.Context) error {
	<-l.done
	if l.err != nil {
		return nil
	}
	return l.sub.Close(ctx)
}
