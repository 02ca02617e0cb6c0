package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/internal/redistest"
)

func TestSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	t.Run("conformance", func(t *testing.T) { testSentinelConformance(t, s) })
	t.Run("failover", func(t *testing.T) { testSentinelFailover(t, s) })
}

func failover(s *redistest.Sentinel, w ways) *goredis.Client {
	return goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: s.MasterName(), SentinelAddrs: s.Addrs(), Dialer: w.dial})
}

// The store's last seconds are lost as Sentinel loses them: by a failover to a replica
// that lagged behind.
func testSentinelConformance(t *testing.T, s *redistest.Sentinel) {
	faults := wayFaults()
	faults.Restart = func() error { return s.Restart(true) }
	faults.Empty = func() error { return s.Restart(false) }
	faults.Rollback = func() (func() error, error) {
		if err := lag(t.Context(), s); err != nil {
			return nil, err
		}
		return func() error {
			if err := loseLag(s); err != nil {
				return err
			}
			if err := s.Replica().Restart(true); err != nil {
				return err
			}
			return s.Settle()
		}, nil
	}
	conformance.Run(t, conformance.Harness{
		Open: func() (broker.Broker, error) {
			w := newWays(t, s.Primary().Addr(), s.Replica().Addr())
			return open(failover(s, w), w, small)
		},
		Subscriptions: func() (int, error) { return subscriptions(small.Prefix, s.Primary()) },
		Limits:        smallLimits,
		Faults:        faults,
	})
}

// The primary dies with commits that it has answered and the replica hasn't got.
// The room goes back, and on: it is told, and nothing new is taken for old.
func testSentinelFailover(t *testing.T, s *redistest.Sentinel) {
	key, other := roomOf(t), roomOf(t)
	a, b := must(t, failover(s, nil), small), must(t, failover(s, nil), small)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()

	l, quiet := listen(t, b, key), listen(t, b, other)
	kept := settle(t, a, key, broker.Commit{ID: id(), Value: put("kept"), Messages: [][]byte{[]byte("kept")}})
	l.message(t, "kept")
	if err := lag(ctx, s); err != nil {
		t.Fatal(err)
	}
	commit := broker.Commit{ID: id(), Expect: &kept.Version, Value: put("lost"), Messages: [][]byte{[]byte("lost")}}
	lost := settle(t, a, key, commit)
	l.message(t, "lost")
	began := time.Now()
	if err := loseLag(s); err != nil {
		t.Fatal(err)
	}

	// What is committed next has the number of the message that was lost.
	now := settle(t, a, key, broker.Commit{ID: id(), Expect: &kept.Version, Value: put("now")})
	t.Logf("commits go on %v after the failover began", time.Since(began))
	if now.Version == lost.Version || now.At != kept.At {
		t.Errorf("the receipt after the loss is %v; before it was %v", now, lost)
	}
	_, err := broker.Settle(ctx, a, key, broker.Commit{ID: id(), Expect: &lost.Version, Value: put("stale")})
	if conflict, ok := errors.AsType[*broker.Conflict](err); !ok || conflict.Record.Version != now.Version || string(conflict.Record.Value) != "now" {
		t.Errorf("what was decided on the lost value is answered with %v; want a conflict", err)
	}
	for _, l := range []*listener{l, quiet} {
		if h := l.next(t); h.gap == nil {
			t.Errorf("heard %q; want a gap", h.message.Body)
		}
	}
	publish(t, a, key, "after")
	if m := l.message(t, "after"); m.At != lost.At {
		t.Errorf("the message after the loss is at %v; want %v again", m.At, lost.At)
	}
	publish(t, a, other, "after")
	quiet.message(t, "after")
	// What was lost is not there: sent again, it is decided on anew.
	if _, err := broker.Settle(ctx, a, key, commit); err == nil {
		t.Error("a commit that was lost is answered with the receipt of the first time")
	}
	if err := b.Health(); err != nil {
		t.Error(err)
	}
}

// lag lets the replica have all that the primary has, and nothing of what comes then.
func lag(ctx context.Context, s *redistest.Sentinel) error {
	if err := s.Settle(); err != nil {
		return err
	}
	if err := replicated(ctx, s); err != nil {
		return err
	}
	if err := s.Replica().Pause(); err != nil {
		return err
	}
	_, err := s.Primary().Command("CLIENT", "KILL", "TYPE", "replica")
	return err
}

// loseLag lets a replica that lags take over.
func loseLag(s *redistest.Sentinel) error {
	if err := s.Primary().Kill(); err != nil {
		return err
	}
	if err := s.Replica().Resume(); err != nil {
		return err
	}
	return s.Failover()
}

// replicated returns when the replica has all that the primary has.
func replicated(ctx context.Context, s *redistest.Sentinel) error {
	c := goredis.NewClient(&goredis.Options{Addr: s.Primary().Addr()})
	defer c.Close()
	conn := c.Conn()
	defer conn.Close()
	// WAIT is about what this connection has written.
	if err := conn.Set(ctx, "replicated", "1", 0).Err(); err != nil {
		return err
	}
	n, err := conn.Wait(ctx, 1, patience).Result()
	if err == nil && n == 0 {
		err = errors.New("the replica does not follow")
	}
	return err
}
