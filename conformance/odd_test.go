package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

// What follows are stores that are odd, but not wrong.

// slow makes each call take d; no more than atOnce of them go on at the same time.
func slow(d, retention time.Duration, atOnce int) conformance.Harness {
	store := memory.New(&memory.Options{Retention: retention, Queue: queueLimit})
	slots := make(chan struct{}, atOnce)
	wait := func(ctx context.Context) error {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return fmt.Errorf("slow: %w", ctx.Err())
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("slow: %w", ctx.Err())
		}
	}
	return conformance.Harness{Limits: conformance.Limits{Retention: retention, Queue: queueLimit}, Open: func() (broker.Broker, error) {
		return &twisted{store.Open(), twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				if err := wait(ctx); err != nil {
					return broker.Record{}, err
				}
				return b.Load(ctx, key, members)
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				if err := wait(ctx); err != nil {
					return broker.Receipt{}, err
				}
				return b.Commit(ctx, key, c)
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				if err := wait(ctx); err != nil {
					return nil, err
				}
				return b.Subscribe(ctx, key, h)
			},
		}}, nil
	}}
}

// A store that is slow is not wrong; its retention may be so short that nothing
// can be said of it.
func TestSlowStores(t *testing.T) {
	for _, d := range []time.Duration{5 * time.Millisecond, 40 * time.Millisecond, 75 * time.Millisecond, 200 * time.Millisecond} {
		t.Run(d.String(), func(t *testing.T) {
			allPass(t, checkIn(t, func(<-chan struct{}) conformance.Harness { return slow(d, 101*d, 100) }))
		})
	}
	t.Run("one call at a time", func(t *testing.T) {
		allPass(t, checkIn(t, func(<-chan struct{}) conformance.Harness { return slow(5*time.Millisecond, time.Second, 1) }))
	})
	t.Run("too short a retention", func(t *testing.T) {
		r := checkIn(t, func(<-chan struct{}) conformance.Harness {
			return slow(300*time.Millisecond, 500*time.Millisecond, 100)
		})
		fails(t, r, "receipts/repeated", "the harness's retention is too short for this store: state more than 100 calls' time")
	})
}

func TestSmallestLimits(t *testing.T) {
	at := func(l conformance.Limits) conformance.Report {
		return checkIn(t, func(<-chan struct{}) conformance.Harness {
			store := memory.New(&memory.Options{MaxValue: l.Value, MaxKey: l.Key, Queue: l.Queue})
			return conformance.Harness{Limits: l, Open: func() (broker.Broker, error) { return store.Open(), nil }}
		})
	}
	allPass(t, at(conformance.Limits{Value: 1024, Key: 64, Queue: 64}))
	for _, l := range []conformance.Limits{{Value: 1023}, {Key: 63}, {Queue: 63}, {Value: -1}} {
		if r := conformance.Check(conformance.Harness{Open: memoryHarness().Open, Limits: l}); len(r.Passed) > 0 {
			t.Errorf("%+v is accepted", l)
		} else {
			fails(t, r, "harness", "Limits.", "at least")
		}
	}
}

// A store need not tell nil from empty, but of a value.
func TestStoreWithEmptyLists(t *testing.T) {
	empty := func(r *broker.Record) { r.Members = append([]broker.Member{}, r.Members...) }
	without := func(r *broker.Record) {
		r.Members = slices.Clone(r.Members)
		for i := range r.Members {
			if len(r.Members[i].Data) == 0 {
				r.Members[i].Data = nil
			}
		}
	}
	for _, change := range []func(*broker.Record){empty, without} {
		allPass(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
			h := changedRecords(change)()
			open := h.Open
			return opens(func() (broker.Broker, error) {
				b, err := open()
				return &twisted{b, twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
					receipt, err := b.Commit(ctx, key, c)
					if conflict, ok := errors.AsType[*broker.Conflict](err); ok {
						change(&conflict.Record)
						conflict.Gone = append([]string{}, conflict.Gone...)
					}
					return receipt, err
				}}}, err
			})
		}))
	}
}

// An in-process store may have a goroutine for each room.
func TestStoreWithAGoroutineForEachRoom(t *testing.T) {
	allPass(t, checkIn(t, func(end <-chan struct{}) conformance.Harness {
		var rooms sync.Map
		store := memory.New(nil)
		return opens(func() (broker.Broker, error) {
			return &twisted{store.Open(), twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				if _, ok := rooms.LoadOrStore(key, true); !ok {
					go func() { <-end }()
				}
				return b.Commit(ctx, key, c)
			}}}, nil
		})
	}))
}
