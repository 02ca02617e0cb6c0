package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spinneyio/est/broker"
)

// What follows stands between the cases and the broker, so that one that hangs,
// panics or answers nonsense fails a case, and doesn't end the tests.

// Load is the broker's, watched.
func (h *handle) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	defer h.c.watch(ctx, h.name+".Load")()
	r, err := h.Broker.Load(ctx, key, members)
	h.answered("Load", err)
	return r, err
}

// Commit is the broker's, watched.
func (h *handle) Commit(ctx context.Context, key broker.Key, commit broker.Commit) (broker.Receipt, error) {
	defer h.c.watch(ctx, h.name+".Commit")()
	r, err := h.Broker.Commit(ctx, key, commit)
	h.answered("Commit", err)
	return r, err
}

// Subscribe is the broker's, watched. What it returns is closed with the case.
func (h *handle) Subscribe(ctx context.Context, key broker.Key, handler broker.Handler) (broker.Subscription, error) {
	defer h.c.watch(ctx, h.name+".Subscribe")()
	sub, err := h.Broker.Subscribe(ctx, key, broker.Handler{
		Message: func(m broker.Message) { h.c.guard(func() { handler.Message(m) }) },
		Gap:     func(reason error) { h.c.guard(func() { handler.Gap(reason) }) },
	})
	h.answered("Subscribe", err)
	if err != nil {
		return nil, err
	}
	if sub == nil {
		h.c.fatal("Subscribe returns a subscription or an error", "neither a subscription nor an error")
	}
	s := &subscription{Subscription: sub, c: h.c, of: h.name}
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	h.c.subs = append(h.c.subs, s)
	return s, nil
}

// Close is the broker's, watched.
func (h *handle) Close(ctx context.Context) error {
	defer h.c.watch(ctx, h.name+".Close")()
	h.c.suite.closing.Store(true)
	return h.ending.close(ctx, h.Broker)
}

// answered reports a handle that is closed although the case has not closed it.
func (h *handle) answered(call string, err error) {
	if !errors.Is(err, broker.ErrClosed) || h.ending.begun.Load() {
		return
	}
	happened := fmt.Sprintf("%s.%s: %v", h.name, call, err)
	if h.c.suite.closing.Load() {
		happened += "; another handle's Close closed this one too: does Open return the same broker each time? Return handles that close on their own"
	}
	h.c.fail(h.name+" is open, since it was not closed", happened)
}

// subscription is a broker's, watched.
type subscription struct {
	broker.Subscription
	c      *trial
	of     string // the handle's name
	ending ending
}

func (s *subscription) Close(ctx context.Context) error {
	defer s.c.watch(ctx, "Close of a subscription of "+s.of)()
	return s.ending.close(ctx, s.Subscription)
}

// watch reports a call that goes on for patience after ctx has ended, until
// returned is called. In a case that has failed it gives up instead, so that what
// runs beside comes to its end.
func (c *trial) watch(ctx context.Context, call string) (returned func()) {
	if c.failed() {
		panic(gaveUp{})
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		patience := time.NewTimer(c.suite.harness.Patience)
		defer patience.Stop()
		select {
		case <-over:
		case <-patience.C:
			c.hung("every call returns when its context ends", fmt.Sprintf("%s has not returned %v after that", call, c.suite.harness.Patience))
		}
	})
	return func() {
		stop()
		close(over)
	}
}

// hung reports what doesn't end, and abandons the case. Its goroutines are lost.
func (c *trial) hung(expected, happened string) {
	stacks := c.goroutines()
	c.fail(expected, happened)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure.Goroutines == "" {
		c.failure.Goroutines = stacks
		close(c.abandoned)
	}
}

// guard runs f, which may give up. It reports a panic, of the broker or of a
// handler that is called as it must not be, and a goroutine that is ended.
func (c *trial) guard(f func()) {
	returned := false
	defer func() {
		switch p := recover().(type) {
		case nil:
			if !returned {
				c.fail("all goes on after a call", "its goroutine was ended, as by t.FailNow: return an error instead")
			}
		case gaveUp:
		default:
			c.fail("no panic", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	f()
	returned = true
}
