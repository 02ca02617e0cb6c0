package conformance_test

import (
	"context"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var overflowMutants = []mutant{{
	name:    "Commit waits until there is room in all queues",
	rule:    "overflow/harms-nobody",
	harness: backPressure,
}, {
	name:    "a slow handler costs the others of its room a gap too",
	rule:    "overflow/harms-nobody",
	harness: sharedGaps,
}, {
	name:    "what doesn't fit into a queue is dropped",
	rule:    "overflow/gap-before-later",
	harness: inboxes(silent),
}, {
	name:    "the oldest message is dropped for a new one, and that told at the end",
	rule:    "overflow/gap-before-later",
	harness: inboxes(dropsOldest),
}, {
	name:    "a loss is noticed when the next message comes",
	rule:    "overflow/gap-without-more",
	harness: inboxes(waitsForMore),
}, {
	name:    "each lost message is a gap",
	rule:    "overflow/one-gap",
	harness: inboxes(gapForEach),
}, {
	name:    "a subscription works again when Gap has returned",
	rule:    "overflow/works-in-the-gap",
	harness: inboxes(deafInGap),
}}

// roomInboxes is the inboxes of each room.
type roomInboxes struct {
	mu    sync.Mutex // protects rooms
	rooms map[broker.Key][]*inbox
}

func (s *roomInboxes) subscribe(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	in := &inbox{handler: h}
	s.mu.Lock()
	s.rooms[key] = append(s.rooms[key], in)
	s.mu.Unlock()
	sub, err := b.Subscribe(ctx, key, in.hear())
	return whenClosed(sub, in.close), err
}

// full says whether no message fits into one of the room's inboxes.
func (s *roomInboxes) full(key broker.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.rooms[key] {
		in.mu.Lock()
		full := len(in.queue) >= queueLimit
		in.mu.Unlock()
		if full {
			return true
		}
	}
	return false
}

func backPressure() conformance.Harness {
	s := roomInboxes{rooms: map[broker.Key][]*inbox{}}
	return twistMemory(func() twist {
		return twist{
			subscribe: s.subscribe,
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				for s.full(key) && ctx.Err() == nil {
					pause(time.Millisecond)
				}
				return b.Commit(ctx, key, c)
			},
		}
	})
}

func sharedGaps() conformance.Harness {
	s := roomInboxes{rooms: map[broker.Key][]*inbox{}}
	return twistMemory(func() twist {
		return twist{
			subscribe: s.subscribe,
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				receipt, err := b.Commit(ctx, key, c)
				if s.full(key) {
					s.mu.Lock()
					defer s.mu.Unlock()
					for _, in := range s.rooms[key] {
						in.gap(errInboxFull)
					}
				}
				return receipt, err
			},
		}
	})
}
