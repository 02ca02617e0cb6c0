package conformance_test

import (
	"context"
	"sync"

	"github.com/spinneyio/est/broker"
)

// tally counts the subscriptions that a store holds, as a server could tell.
type tally struct {
	mu   sync.Mutex                              // protects live
	live map[broker.Broker]map[*tallied]struct{} // of each handle
}

// handle is b with its subscriptions counted.
func (t *tally) handle(b broker.Broker) broker.Broker {
	return &twisted{b, twist{
		subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			sub, err := b.Subscribe(ctx, key, h)
			if err != nil {
				return nil, err
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.live == nil {
				t.live = map[broker.Broker]map[*tallied]struct{}{}
			}
			if t.live[b] == nil {
				t.live[b] = map[*tallied]struct{}{}
			}
			s := &tallied{sub, t, b}
			t.live[b][s] = struct{}{}
			return s, nil
		},
		close: func(b broker.Broker, ctx context.Context) error {
			t.mu.Lock()
			delete(t.live, b)
			t.mu.Unlock()
			return b.Close(ctx)
		},
	}}
}

// count is how many there are.
func (t *tally) count() (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, subs := range t.live {
		n += len(subs)
	}
	return n, nil
}

// tallied is a subscription of a handle.
type tallied struct {
	broker.Subscription
	tally  *tally
	handle broker.Broker
}

func (s *tallied) Close(ctx context.Context) error {
	s.tally.mu.Lock()
	delete(s.tally.live[s.handle], s)
	s.tally.mu.Unlock()
	return s.Subscription.Close(ctx)
}
