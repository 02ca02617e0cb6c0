package conformance_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

// publishesLater publishes what a commit says by a store of its own, which counts
// messages in the order in which they come there. Every other commit's are late.
func publishesLater() conformance.Harness {
	logs := memory.New(&memory.Options{Queue: queueLimit, MaxKey: keyLimit, Retention: retention})
	var mu sync.Mutex // protects what follows
	receipts := map[commitOf]broker.Receipt{}
	late := false
	return twistMemory(func() twist {
		log := logs.Open()
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				receipt, err := b.Commit(ctx, key, c)
				if err != nil {
					return receipt, err
				}
				mu.Lock()
				receipts[commitOf{key, c.ID}] = receipt
				wait := late
				late = !late
				mu.Unlock()
				if wait {
					pause(time.Millisecond)
				}
				_, err = log.Commit(ctx, key, broker.Commit{ID: c.ID, Messages: c.Messages})
				return receipt, err
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				message := h.Message
				h.Message = func(m broker.Message) {
					mu.Lock()
					receipt := receipts[commitOf{key, m.Commit}]
					mu.Unlock()
					m.Version, m.At.Epoch = receipt.Version, receipt.At.Epoch
					message(m)
				}
				return log.Subscribe(ctx, key, h)
			},
			close: func(b broker.Broker, ctx context.Context) error {
				return errors.Join(log.Close(ctx), b.Close(ctx))
			},
		}
	})
}

// lateIDs notes ids by itself, and looks for them some time before it commits.
func lateIDs() conformance.Harness {
	type writer struct {
		key  broker.Key
		name string
	}
	type note struct {
		n       uint64
		receipt broker.Receipt
	}
	var mu sync.Mutex // protects notes and ids
	notes := map[writer]note{}
	ids := map[broker.CommitID]broker.CommitID{} // by what they are called in the store
	return twistMemory(func() twist {
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				if err := c.Validate(); err != nil {
					return b.Commit(ctx, key, c)
				}
				id, w := c.ID, writer{key, c.ID.Writer}
				c.ID = broker.CommitID{Writer: rand.Text(), N: 1}
				mu.Lock()
				last := notes[w]
				ids[c.ID] = id
				mu.Unlock()
				switch {
				case last.n == id.N:
					return last.receipt, nil
				case last.n > id.N:
					return broker.Receipt{}, fmt.Errorf("mutant: %w", broker.ErrStale)
				}
				pause(time.Millisecond)
				receipt, err := b.Commit(ctx, key, c)
				if err == nil {
					mu.Lock()
					notes[w] = note{id.N, receipt}
					mu.Unlock()
				}
				return receipt, err
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				if h.Message == nil {
					return nil, errors.New("mutant: no handler")
				}
				message := h.Message
				h.Message = func(m broker.Message) {
					mu.Lock()
					m.Commit = ids[m.Commit]
					mu.Unlock()
					message(m)
				}
				return b.Subscribe(ctx, key, h)
			},
		}
	})
}
