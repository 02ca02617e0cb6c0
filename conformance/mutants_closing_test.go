package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var closingMutants = slices.Concat(closeMutants, leakMutants, givenUpMutants)

var closeMutants = []mutant{{
	name:    "a closed handle answers from its cache",
	rule:    "closing/later-calls",
	harness: cachedAfterClose,
}, {
	name: "a closed handle has an error of its own",
	rule: "closing/later-calls",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if errors.Is(err, broker.ErrClosed) {
			err = errors.New("use of closed network connection")
		}
		return receipt, err
	}}),
}, {
	name:    "all handles share a client, which Close closes",
	rule:    "closing/this-handle-only",
	harness: sharedClient,
}, {
	name:    "what is queued comes after Close of the handle",
	rule:    "closing/no-call-after",
	harness: inboxes(none), // they don't know of it
}, {
	name: "Close doesn't wait for handlers",
	rule: "closing/waits-for-handlers",
	harness: eachMemory(twist{close: func(b broker.Broker, _ context.Context) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.Close(ctx) // it says that a handler is running
		return nil
	}}),
}, {
	name: "Close has patience of its own",
	rule: "closing/waits-for-handlers",
	harness: eachMemory(twist{close: func(b broker.Broker, ctx context.Context) error {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		return b.Close(own)
	}}),
}, {
	name: "a second Close is an error",
	rule: "closing/twice",
	harness: closeOnce(func() error {
		return errors.New("already closed")
	}),
}, {
	name:    "a second Close returns at once",
	rule:    "closing/twice",
	harness: closeOnce(func() error { return nil }),
}, {
	name:    "Close acknowledges what is under way",
	rule:    "closing/calls-under-way",
	harness: underWay(func(context.Context, error) error { return nil }),
}, {
	name: "what is under way fails with the error of a connection",
	rule: "closing/calls-under-way",
	harness: underWay(func(_ context.Context, err error) error {
		return fmt.Errorf("connection reset by peer: %v", err)
	}),
}, {
	name: "nobody answers what is under way",
	rule: "closing/calls-under-way",
	harness: underWay(func(ctx context.Context, _ error) error {
		<-ctx.Done()
		return ctx.Err()
	}),
}}

func cachedAfterClose() conformance.Harness {
	return twistMemory(func() twist {
		var cache sync.Map
		return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
			r, err := b.Load(ctx, key, members)
			if errors.Is(err, broker.ErrClosed) {
				if cached, ok := cache.Load(key); ok {
					return cached.(broker.Record), nil
				}
			}
			cache.Store(key, r)
			return r, err
		}}
	})
}

func sharedClient() conformance.Harness {
	var mu sync.Mutex // protects all
	all := map[broker.Broker]bool{}
	h := memoryHarness()
	open := h.Open
	h.Open = func() (broker.Broker, error) {
		b, err := open()
		mu.Lock()
		defer mu.Unlock()
		all[b] = true
		return &twisted{b, twist{close: func(own broker.Broker, ctx context.Context) error {
			mu.Lock()
			others := maps.Clone(all)
			clear(all)
			mu.Unlock()
			for b := range others {
				if b != own {
					_ = b.Close(ctx) // for what it does
				}
			}
			return own.Close(ctx)
		}}}, err
	}
	return h
}

// closeOnce is the good broker, but that Close does nothing but again if it has
// been called before.
func closeOnce(again func() error) func() conformance.Harness {
	return func() conformance.Harness {
		return twistMemory(func() twist {
			var closed atomic.Bool
			return twist{close: func(b broker.Broker, ctx context.Context) error {
				if closed.Swap(true) {
					return again()
				}
				return b.Close(ctx)
			}}
		})
	}
}

// underWay is the good broker, but that a commit takes some time, and that answer
// says how it ends if the handle is closed meanwhile.
func underWay(answer func(ctx context.Context, err error) error) func() conformance.Harness {
	return func() conformance.Harness {
		return twistMemory(func() twist {
			var closed atomic.Bool
			return twist{
				commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
					if closed.Load() || ctx.Err() != nil {
						return b.Commit(ctx, key, c)
					}
					pause(50 * time.Microsecond)
					receipt, err := b.Commit(ctx, key, c)
					if errors.Is(err, broker.ErrClosed) {
						err = answer(ctx, err)
					}
					return receipt, err
				},
				close: func(b broker.Broker, ctx context.Context) error {
					closed.Store(true)
					return b.Close(ctx)
				},
			}
		})
	}
}
