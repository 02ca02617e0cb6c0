package redis_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// The logic, in fake time and without a network; and in the older protocol, as the
// real servers are spoken to in the newer one.
func TestConformanceInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMini(t)
		r := conformance.Check(conformance.Harness{
			Open:          m.open,
			Limits:        smallLimits,
			Subscriptions: m.subscriptions,
			Faults: conformance.Faults{
				Cut: func(b broker.Broker) error {
					m.way(b).cut(false)
					return nil
				},
				HoldReconnect: func(b broker.Broker) (func(), error) {
					n := m.way(b)
					n.cut(true)
					return func() { n.set(func() { n.refused = false }) }, nil
				},
				LoseReply: func(b broker.Broker) error {
					n := m.way(b)
					n.set(func() { n.loses = true })
					return nil
				},
				BlackHole: func(b broker.Broker) (func(), error) {
					n := m.way(b)
					n.blackHole()
					return n.heal, nil
				},
				Restart:  func() error { return m.restart(func() {}) },
				Empty:    func() error { return m.restart(m.server.FlushAll) },
				Rollback: m.rollback,
			},
		})
		for _, f := range r.Failed {
			t.Errorf("\n%s", f)
		}
		for _, s := range r.Skipped {
			t.Errorf("skipped %s: %s", s.Rule, s.Reason)
		}
		t.Logf("%d passed", len(r.Passed))
	})
}

// mini is a miniredis to which each handle has a way of its own.
type mini struct {
	server *miniredis.Miniredis

	mu   sync.Mutex // protects ways
	ways map[broker.Broker]*network
}

func newMini(t testing.TB) *mini {
	return &mini{server: newNetwork(t).server, ways: map[broker.Broker]*network{}}
}

func (m *mini) open() (broker.Broker, error) {
	n := networkTo(m.server)
	b, err := open(n.client(goredis.Options{Protocol: 2}), nil, small)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ways[b] = n
	return b, nil
}

func (m *mini) way(b broker.Broker) *network {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ways[b]
}

func (m *mini) subscriptions() (sum int, err error) {
	for _, n := range m.server.PubSubNumSub(m.server.PubSubChannels(small.Prefix + ":c:*")...) {
		sum += n
	}
	return sum, nil
}

// restart breaks all connections, and changes what is stored while there are none.
func (m *mini) restart(change func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.ways {
		n.cut(true)
	}
	change()
	for _, n := range m.ways {
		n.set(func() { n.refused = false })
	}
	return nil
}

// rollback remembers all keys, which are hashes.
func (m *mini) rollback() (restore func() error, err error) {
	type hash struct {
		fields map[string]string
		ttl    time.Duration
	}
	kept := map[string]hash{}
	for _, key := range m.server.Keys() {
		h := hash{fields: map[string]string{}, ttl: m.server.TTL(key)}
		fields, err := m.server.HKeys(key)
		if err != nil {
			return nil, err
		}
		for _, field := range fields {
			h.fields[field] = m.server.HGet(key, field)
		}
		kept[key] = h
	}
	return func() error {
		return m.restart(func() {
			m.server.FlushAll()
			for key, h := range kept {
				for field, value := range h.fields {
					m.server.HSet(key, field, value)
				}
				if h.ttl > 0 {
					m.server.SetTTL(key, h.ttl)
				}
			}
		})
	}, nil
}
