package conformance_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// remoteStore is an empty server.
func remoteStore() *server {
	return &server{
		ways: rightWays, retention: retention,
		rooms: map[broker.Key]room{}, feeds: map[broker.Key][]feed{},
	}
}

// harness is s with all faults.
func (s *server) harness() conformance.Harness {
	return conformance.Harness{
		Open:          func() (broker.Broker, error) { return s.open(), nil },
		Limits:        conformance.Limits{Value: smallValue, Key: smallKey, Queue: queueLimit, Retention: s.retention},
		Subscriptions: s.subscriptions,
		Faults: conformance.Faults{
			Cut: func(b broker.Broker) error {
				n := networkOf(b)
				n.set(n.cut)
				return nil
			},
			HoldReconnect: func(b broker.Broker) (release func(), err error) {
				n := networkOf(b)
				n.set(func() { n.held = true; n.cut() })
				return func() { n.set(func() { n.held = false }) }, nil
			},
			LoseReply: func(b broker.Broker) error {
				n := networkOf(b)
				n.set(func() { n.loseReply = true })
				return nil
			},
			BlackHole: func(b broker.Broker) (heal func(), err error) {
				n := networkOf(b)
				n.set(func() {
					n.hole = true
					for l := range n.links {
						l.dead = true
					}
				})
				return func() { n.set(func() { n.hole = false }) }, nil
			},
			Restart: func() error {
				s.restart(func() {})
				return nil
			},
			Empty: func() error {
				s.restart(func() { clear(s.rooms) })
				return nil
			},
			Rollback: func() (restore func() error, err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				backup := maps.Clone(s.rooms)
				return func() error {
					s.restart(func() { s.rooms = maps.Clone(backup) })
					return nil
				}, nil
			},
		},
	}
}

// twistRemote is the good remote with its handles twisted, as twistMemory does, or
// with wrong ways, or with other faults. What is nil stays.
func twistRemote(each func() twist, wrong func(*ways), faults func(*server, *conformance.Faults)) conformance.Harness {
	s := remoteStore()
	if wrong != nil {
		wrong(&s.ways)
	}
	h := s.harness()
	if faults != nil {
		faults(s, &h.Faults)
	}
	if each != nil {
		h.Open = func() (broker.Broker, error) { return &twisted{s.open(), each()}, nil }
	}
	return h
}

// networkOf is the network of what Open returned, twisted or not.
func networkOf(b broker.Broker) *network {
	if t, ok := b.(*twisted); ok {
		b = t.Broker
	}
	return b.(*remote).net
}

// The suite can be passed by a broker behind a network, with all faults.
func TestRemotePasses(t *testing.T) {
	for seed := uint64(1); seed <= *seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			h := remoteStore().harness()
			h.Seed = seed
			passes(t, h)
		})
	}
}

// Also if each packet takes its time.
func TestSlowRemotePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := remoteStore()
		s.delay, s.retention = 3*time.Millisecond, 5*time.Second
		passes(t, s.harness())
	})
}

// Also if a round through all rooms takes longer than the retention.
func TestRemoteWithShortRetentionPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := remoteStore()
		s.delay, s.retention = 8*time.Millisecond, time.Second
		passes(t, s.harness())
	})
}

// Also in real time, by Run.
func TestRemoteRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	s := remoteStore()
	s.ways.probe = time.Second / 2 // less, and a busy machine would look like a dead connection
	conformance.Run(t, s.harness())
}

// A fault that fails is the harness's error, and is told as such.
func TestFaultErrors(t *testing.T) {
	for _, c := range []struct {
		name, rule string
		breaks     func(*conformance.Faults)
	}{
		{"an error", "connections/comes-back", func(f *conformance.Faults) {
			f.Cut = func(broker.Broker) error { return errors.New("the proxy is gone") }
		}},
		{"no release", "connections/gap-before-later-messages", func(f *conformance.Faults) {
			f.HoldReconnect = func(broker.Broker) (func(), error) { return nil, nil }
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := conformance.FirstFailure(twistRemote(nil, nil, func(_ *server, f *conformance.Faults) { c.breaks(f) }), c.rule)
			if f == nil || !strings.HasPrefix(f.Happened, "harness error: ") {
				t.Errorf("%s: %v, want a harness error", c.name, f)
			}
		})
	}
}

// passes wants every rule of the suite to be kept, and none to be skipped.
func passes(t *testing.T, h conformance.Harness) {
	t.Helper()
	report := conformance.Check(h)
	for _, f := range report.Failed {
		t.Errorf("seed %d:\n%s", h.Seed, f)
	}
	for _, s := range report.Skipped {
		t.Errorf("skipped %s: %s", s.Rule, s.Reason)
	}
	if len(report.Passed) != len(conformance.Rules()) {
		t.Errorf("%d rules passed, of %d", len(report.Passed), len(conformance.Rules()))
	}
}
