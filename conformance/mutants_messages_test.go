package conformance_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"path"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var messageMutants = []mutant{{
	name:    "messages are strings of UTF-8",
	rule:    "messages/any-bytes",
	harness: changedMessages(func(m *broker.Message) { m.Body = valid(m.Body) }),
}, {
	name:    "the length of a message has 16 bits",
	rule:    "messages/sizes",
	harness: changedMessages(func(m *broker.Message) { m.Body = m.Body[:len(m.Body)&0xffff] }),
}, {
	name:    "messages are read into a pool of buffers",
	rule:    "messages/bytes-stay",
	harness: pooledMessages,
}, {
	name: "a message that is too large is left out",
	rule: "messages/too-large",
	harness: changedCommits(func(c *broker.Commit) {
		var fit [][]byte
		for _, m := range c.Messages {
			if len(m) <= valueLimit {
				fit = append(fit, m)
			}
		}
		c.Messages = fit
	}),
}, {
	name:    "messages are counted when they are published, which is after the commit",
	rule:    "messages/in-commit-order",
	harness: publishesLater,
}, {
	name: "messages are published, then the commit is tried",
	rule: "messages/of-refused-commits",
	harness: besides(func(subscribed, committed broker.Key, _ bool, err error) bool {
		_, conflict := errors.AsType[*broker.Conflict](err)
		return conflict && subscribed == committed
	}),
}, {
	name: "messages of late packets are published",
	rule: "messages/of-refused-commits",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if errors.Is(err, broker.ErrStale) && len(c.Messages) > 0 {
			c = broker.Commit{ID: broker.CommitID{Writer: rand.Text(), N: 1}, Messages: c.Messages}
			if _, err := b.Commit(ctx, key, c); err != nil {
				return receipt, err
			}
		}
		return receipt, err
	}}),
}, {
	name: "messages are published beside the store, so again with each repetition",
	rule: "messages/of-repeated-commits",
	harness: besides(func(subscribed, committed broker.Key, again bool, _ error) bool {
		return again && subscribed == committed
	}),
}, {
	name: "a subscription is a pattern",
	rule: "messages/keys-apart",
	harness: besides(func(subscribed, committed broker.Key, again bool, refused error) bool {
		matches, err := path.Match(subscribed.Room, committed.Room)
		return err == nil && refused == nil && matches && !again && subscribed != committed && subscribed.Namespace == committed.Namespace
	}),
}}

// changedMessages is the good broker but that what is heard goes through change.
func changedMessages(change func(*broker.Message)) func() conformance.Harness {
	return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		hear := h.Message
		h.Message = func(m broker.Message) {
			change(&m)
			hear(m)
		}
		return b.Subscribe(ctx, key, h)
	}})
}

// pooledMessages keeps 16 buffers for messages of 64 bytes.
func pooledMessages() conformance.Harness {
	return twistMemory(func() twist {
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			var pool [16][64]byte
			hear := h.Message
			h.Message = func(m broker.Message) {
				if len(m.Body) == len(pool[0]) {
					buffer := &pool[m.At.Seq%uint64(len(pool))]
					copy(buffer[:], m.Body)
					m.Body = buffer[:]
				}
				hear(m)
			}
			return b.Subscribe(ctx, key, h)
		}}
	})
}

// besides is the good broker but that messages also go straight to those
// subscriptions that also says: again is whether their commit was applied before, err
// why it was not.
func besides(also func(subscribed, committed broker.Key, again bool, err error) bool) func() conformance.Harness {
	return func() conformance.Harness {
		var mu sync.Mutex // protects what follows
		handlers := map[broker.Key][]broker.Handler{}
		applied := map[commitOf]bool{}
		return twistMemory(func() twist {
			return twist{
				subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
					sub, err := b.Subscribe(ctx, key, h)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						handlers[key] = append(handlers[key], h)
					}
					return sub, err
				},
				commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
					receipt, err := b.Commit(ctx, key, c)
					mu.Lock()
					defer mu.Unlock()
					again := err == nil && applied[commitOf{key, c.ID}]
					if err == nil {
						applied[commitOf{key, c.ID}] = true
					}
					for subscribed, hs := range handlers {
						if !also(subscribed, key, again, err) {
							continue
						}
						for _, h := range hs {
							for _, body := range c.Messages {
								h.Message(broker.Message{At: receipt.At, Commit: c.ID, Version: receipt.Version, Body: body})
							}
						}
					}
					return receipt, err
				},
			}
		})
	}
}

// valid is what becomes of bytes that are taken for UTF-8; nil stays nil.
func valid(b []byte) []byte {
	if b == nil {
		return nil
	}
	return bytes.ToValidUTF8(b, []byte("\ufffd"))
}
