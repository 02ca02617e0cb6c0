package conformance_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var subscriptionMutants = slices.Concat(subscribeMutants, deliveryMutants, unsubscribeMutants)

var subscribeMutants = []mutant{{
	name:    "Subscribe doesn't wait for the store's answer",
	rule:    "subscriptions/established",
	harness: answering(func(*acknowledged) {}),
}, {
	name:    "any answer of the store wakes all that subscribe",
	rule:    "subscriptions/established",
	harness: answering(func(a *acknowledged) { <-a.any }),
}, {
	name:    "the second in a room does not wait for the first one's answer",
	rule:    "subscriptions/established-together",
	harness: hubs(secondReturnsEarly),
}, {
	name:    "the last message is retained for who comes",
	rule:    "subscriptions/nothing-from-before",
	harness: retained,
}, {
	name:    "who publishes a message doesn't get it",
	rule:    "subscriptions/each-once",
	harness: ownMessages(func(func()) {}),
}, {
	name: "own messages come on a short way, and by the store",
	rule: "subscriptions/each-once",
	harness: ownMessages(func(hear func()) {
		hear()
		hear()
	}),
}, {
	name: "who has got a body doesn't get it again",
	rule: "subscriptions/equal-bodies",
	harness: eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		hear, last := h.Message, []byte(nil)
		h.Message = func(m broker.Message) {
			if last == nil || !bytes.Equal(last, m.Body) {
				hear(m)
			}
			last = append([]byte{}, m.Body...)
		}
		return b.Subscribe(ctx, key, h)
	}}),
}, {
	name:    "a handle has 16 subscriptions of a room, and the others hear nothing",
	rule:    "subscriptions/many-of-one-room",
	harness: crowdedRooms,
}, {
	name:    "a handle has 150 subscriptions, and drops the oldest for another one",
	rule:    "subscriptions/many-rooms",
	harness: fewSubscriptions,
}}

// acknowledged is a subscription that the store is asked for.
type acknowledged struct {
	own <-chan struct{} // closed when the store has answered
	any <-chan struct{} // closed when it has answered this or another one
}

// answering is the good broker, but that the store takes some time to subscribe,
// and that Subscribe waits for what wait waits for.
func answering(wait func(*acknowledged)) func() conformance.Harness {
	return func() conformance.Harness {
		return twistMemory(func() twist {
			var mu sync.Mutex // protects answer and n
			answer, n := make(chan struct{}), 0
			return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				if _, err := b.Load(ctx, key, false); err != nil {
					return nil, err
				}
				mu.Lock()
				n++
				delay := time.Duration(n%8+1) * time.Millisecond
				any := answer
				mu.Unlock()
				own := make(chan struct{})
				s := &pending{ready: own}
				go func() {
					pause(delay)
					s.sub, s.err = b.Subscribe(context.WithoutCancel(ctx), key, h)
					close(own)
					mu.Lock()
					defer mu.Unlock()
					close(answer)
					answer = make(chan struct{})
				}()
				wait(&acknowledged{own: own, any: any})
				return s, nil
			}}
		})
	}
}

// pending is a subscription that may not be there yet.
type pending struct {
	ready <-chan struct{}
	sub   broker.Subscription
	err   error
}

func (s *pending) Close(ctx context.Context) error {
	<-s.ready
	if s.err != nil {
		return nil
	}
	return s.sub.Close(ctx)
}

// retained tells each subscriber a room's last message.
func retained() conformance.Harness {
	var mu sync.Mutex // protects last
	last := map[broker.Key]broker.Message{}
	return twistMemory(func() twist {
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			in := &inbox{handler: h}
			mu.Lock()
			defer mu.Unlock()
			if m, ok := last[key]; ok {
				in.hear().Message(m)
			}
			sub, err := b.Subscribe(ctx, key, in.hear())
			return whenClosed(sub, in.close), err
		}, commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			receipt, err := b.Commit(ctx, key, c)
			if n := len(c.Messages); err == nil && n > 0 {
				mu.Lock()
				defer mu.Unlock()
				last[key] = broker.Message{At: receipt.At, Commit: c.ID, Version: receipt.Version, Body: c.Messages[n-1]}
			}
			return receipt, err
		}}
	})
}

// ownMessages is the good broker, but that messages go through own if they were
// committed by the handle that they have come to.
func ownMessages(own func(hear func())) func() conformance.Harness {
	return func() conformance.Harness {
		return twistMemory(func() twist {
			var writers sync.Map // those of the handle
			return twist{
				commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
					writers.Store(c.ID.Writer, nil)
					return b.Commit(ctx, key, c)
				},
				subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
					hear := h.Message
					h.Message = func(m broker.Message) {
						if _, ok := writers.Load(m.Commit.Writer); ok {
							own(func() { hear(m) })
						} else {
							hear(m)
						}
					}
					return b.Subscribe(ctx, key, h)
				},
			}
		})
	}
}

func fewSubscriptions() conformance.Harness {
	return twistMemory(func() twist {
		var mu sync.Mutex // protects live
		var live []broker.Subscription
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			sub, err := b.Subscribe(ctx, key, h)
			if err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			if live = append(live, sub); len(live) > 150 {
				_ = live[0].Close(ctx) // memory's has no error
				live = live[1:]
			}
			return whenClosed(sub, func() {
				mu.Lock()
				defer mu.Unlock()
				live = slices.DeleteFunc(live, func(s broker.Subscription) bool { return s == sub })
			}), nil
		}}
	})
}

func crowdedRooms() conformance.Harness {
	return twistMemory(func() twist {
		var mu sync.Mutex // protects live
		live := map[broker.Key]int{}
		count := func(key broker.Key, by int) int {
			mu.Lock()
			defer mu.Unlock()
			live[key] += by
			return live[key]
		}
		return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			if count(key, 1) > 16 {
				h.Message = func(broker.Message) {}
			}
			sub, err := b.Subscribe(ctx, key, h)
			leave := sync.OnceFunc(func() { count(key, -1) })
			if err != nil {
				leave()
			}
			return whenClosed(sub, leave), err
		}}
	})
}
