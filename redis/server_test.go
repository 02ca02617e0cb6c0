package redis_test

import (
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/internal/redistest"
)

// A real server, over a network that breaks in all ways.
func TestConformance(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	faults := wayFaults()
	faults.Restart = func() error { return server.Restart(true) }
	faults.Empty = func() error { return server.Restart(false) }
	faults.Rollback = server.Snapshot
	conformance.Run(t, conformance.Harness{
		Open: func() (broker.Broker, error) {
			w := newWays(t, server.Addr())
			return open(goredis.NewClient(&goredis.Options{Addr: server.Addr(), Dialer: w.dial}), w, small)
		},
		Subscriptions: func() (int, error) { return subscriptions(small.Prefix, server) },
		Limits:        smallLimits,
		Faults:        faults,
	})
}
