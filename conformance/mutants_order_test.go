package conformance_test

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

func olderVersions() conformance.Harness {
	var mu sync.Mutex // protects before
	before := map[broker.CommitID]broker.Version{}
	return twistMemory(func() twist {
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				r, err := b.Load(ctx, key, false)
				if err != nil {
					return broker.Receipt{}, err
				}
				mu.Lock()
				before[c.ID] = r.Version
				mu.Unlock()
				return b.Commit(ctx, key, c)
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				hear := h.Message
				h.Message = func(m broker.Message) {
					mu.Lock()
					m.Version = before[m.Commit]
					mu.Unlock()
					hear(m)
				}
				return b.Subscribe(ctx, key, h)
			},
		}
	})
}

func lastPositions() conformance.Harness {
	var mu sync.Mutex // protects sizes
	sizes := map[broker.CommitID]int{}
	return twistMemory(func() twist {
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				sizes[c.ID] = len(c.Messages)
				mu.Unlock()
				return b.Commit(ctx, key, c)
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				hear := h.Message
				var last uint64 // of the present commit
				h.Message = func(m broker.Message) {
					if m.At.Seq > last {
						mu.Lock()
						last = m.At.Seq + uint64(sizes[m.Commit]) - 1
						mu.Unlock()
					}
					m.At.Seq = last
					hear(m)
				}
				return b.Subscribe(ctx, key, h)
			},
		}
	})
}

// ownFirst lets messages of other handles take a millisecond, and those of the
// own none.
func ownFirst() conformance.Harness {
	return twistMemory(func() twist {
		var writers sync.Map // those of the handle
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				writers.Store(c.ID.Writer, nil)
				return b.Commit(ctx, key, c)
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				in := &inbox{handler: h}
				hear := in.hear()
				foreign := &inbox{handler: broker.Handler{Message: func(m broker.Message) {
					pause(time.Millisecond)
					hear.Message(m)
				}, Gap: hear.Gap}}
				late := foreign.hear()
				sub, err := b.Subscribe(ctx, key, broker.Handler{Message: func(m broker.Message) {
					if _, ok := writers.Load(m.Commit.Writer); ok {
						hear.Message(m)
					} else {
						late.Message(m)
					}
				}, Gap: late.Gap})
				return whenClosed(sub, func() {
					foreign.close()
					in.close()
				}), err
			},
		}
	})
}

// commitOf is a commit of a room.
type commitOf struct {
	key broker.Key
	id  broker.CommitID
}

// oneByOne publishes the messages of a commit after the first by commits of
// their own, which it hides.
func oneByOne() conformance.Harness {
	var mu sync.Mutex // protects what follows
	whole := map[broker.CommitID]broker.CommitID{}
	receipts := map[commitOf]broker.Receipt{}
	return twistMemory(func() twist {
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				known, again := receipts[commitOf{key, c.ID}]
				mu.Unlock()
				if again && c.Validate() == nil {
					return known, nil
				}
				if slices.ContainsFunc(c.Messages, func(m []byte) bool { return len(m) > valueLimit }) {
					return b.Commit(ctx, key, c)
				}
				first := min(1, len(c.Messages))
				rest := c.Messages[first:]
				c.Messages = c.Messages[:first]
				receipt, err := b.Commit(ctx, key, c)
				if err != nil {
					return receipt, err
				}
				for _, m := range rest {
					pause(100 * time.Microsecond)
					part := broker.CommitID{Writer: rand.Text(), N: 1}
					mu.Lock()
					whole[part] = c.ID
					mu.Unlock()
					if receipt, err = b.Commit(ctx, key, broker.Commit{ID: part, Messages: [][]byte{m}}); err != nil {
						return receipt, err
					}
				}
				mu.Lock()
				defer mu.Unlock()
				maps.DeleteFunc(receipts, func(known commitOf, _ broker.Receipt) bool {
					return known.key == key && known.id.Writer == c.ID.Writer
				})
				receipts[commitOf{key, c.ID}] = receipt
				return receipt, nil
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				hear := h.Message
				h.Message = func(m broker.Message) {
					mu.Lock()
					if id, ok := whole[m.Commit]; ok {
						m.Commit = id
					}
					mu.Unlock()
					hear(m)
				}
				return b.Subscribe(ctx, key, h)
			},
		}
	})
}

// publishedFirst lets loads find a commit only when it has been answered.
func publishedFirst() conformance.Harness {
	var mu sync.Mutex // protects old
	old := map[broker.Key]broker.Record{}
	return twistMemory(func() twist {
		return twist{
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				r, err := b.Load(ctx, key, true)
				if err != nil {
					return broker.Receipt{}, err
				}
				mu.Lock()
				old[key] = r
				mu.Unlock()
				receipt, err := b.Commit(ctx, key, c)
				if len(c.Messages) > 0 {
					pause(time.Millisecond)
				}
				mu.Lock()
				delete(old, key)
				mu.Unlock()
				return receipt, err
			},
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				mu.Lock()
				r, ok := old[key]
				mu.Unlock()
				if !ok {
					return b.Load(ctx, key, members)
				}
				if !members {
					r.Members = nil
				}
				return r, ctx.Err()
			},
		}
	})
}
