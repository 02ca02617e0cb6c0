package natsbroker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/spinneyio/est/broker"
)

// call runs f, and returns as soon as ctx or the broker ends, even if f hangs in
// the client library (rule 31).
func call[T any](ctx context.Context, b *Broker, f func(context.Context) (T, error)) (answer T, err error) {
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	if !b.begin(nil) {
		return answer, broker.ErrClosed
	}
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	go func() { // ends with f, which ends soon after its context
		defer b.running.Done()
		var r result
		r.err = b.attempt(ctx, func(ctx context.Context) (err error) {
			r.answer, err = f(ctx)
			return err
		})
		done <- r
	}()
	select {
	case r := <-done:
		answer, err = r.answer, r.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-b.ctx.Done():
		err = broker.ErrClosed
	}
	return answer, b.explain(ctx, err)
}

// attempt runs f, which may be repeated, with a context that ends when the
// connection does: requests that were on the way then get no answer, and the client
// library lets them wait. So f is run again, a few times.
func (b *Broker) attempt(ctx context.Context, f func(context.Context) error) (err error) {
	for range 3 {
		link := b.connection()
		ctx, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(link, cancel)
		err = f(ctx)
		stop()
		cancel()
		if err == nil || link.Err() == nil {
			break
		}
	}
	return err
}

// connection is a context that ends with the connection that there is, or with the
// broker.
func (b *Broker) connection() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.link
}

// disconnected is called by the client library.
func (b *Broker) disconnected(_ *nats.Conn, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut()
	b.link, b.cut = context.WithCancel(b.ctx)
	for s := range b.subscriptions {
		s.fail(nil, errors.Join(errConnection, err))
	}
}

// explain is the error of a call in the words of package broker.
func (b *Broker) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
	case b.ctx.Err() != nil:
		return broker.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled): // not the caller's
		return fmt.Errorf("the server does not answer: %v", err)
	}
	return err
}

// begin counts a call, or the subscription s, unless the broker is closed.
func (b *Broker) begin(s *subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.running.Add(1)
	if s != nil {
		b.subscriptions[s] = true
	}
	return true
}

// ended forgets a subscription.
func (b *Broker) ended(s *subscription) {
	b.mu.Lock()
	delete(b.subscriptions, s)
	b.mu.Unlock()
	b.running.Done()
}
