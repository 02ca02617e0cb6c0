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

// logApart keeps messages and positions in one store, and the rest in another.
func logApart() conformance.Harness {
	logs := memory.New(&memory.Options{Queue: queueLimit, MaxKey: keyLimit, Retention: retention})
	type commit struct {
		key broker.Key
		id  broker.CommitID
	}
	var mu sync.Mutex // protects versions
	versions := map[commit]broker.Version{}
	return twistMemory(func() twist {
		log := logs.Open()
		at := func(ctx context.Context, key broker.Key) (broker.Position, error) {
			r, err := log.Load(ctx, key, false)
			return r.At, err
		}
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				if err == nil {
					r.At, err = at(ctx, key)
				}
				return r, err
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				for _, m := range c.Messages {
					if len(m) > valueLimit {
						return broker.Receipt{}, fmt.Errorf("mutant: %w", broker.ErrTooLarge)
					}
				}
				entry := broker.Commit{ID: c.ID, Messages: c.Messages}
				c.Messages = nil
				receipt, err := b.Commit(ctx, key, c)
				if err != nil {
					if conflict, ok := errors.AsType[*broker.Conflict](err); ok {
						var failed error
						if conflict.Record.At, failed = at(ctx, key); failed != nil {
							return receipt, failed
						}
					}
					return receipt, err
				}
				mu.Lock()
				versions[commit{key, c.ID}] = receipt.Version
				mu.Unlock()
				pause(time.Millisecond)
				logged, err := log.Commit(ctx, key, entry)
				return broker.Receipt{Version: receipt.Version, At: logged.At}, err
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				message := h.Message
				h.Message = func(m broker.Message) {
					mu.Lock()
					m.Version = versions[commit{key, m.Commit}]
					mu.Unlock()
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
