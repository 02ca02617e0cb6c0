package redis_test

import (
	"testing"
	"testing/synctest"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// The logic, in fake time and without a network; and in the older protocol, as the
// real servers are spoken to in the newer one.
func TestConformanceInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		r := conformance.Check(conformance.Harness{
			Open: func() (broker.Broker, error) {
				return open(n.client(goredis.Options{Protocol: 2}), nil, small)
			},
			Limits: smallLimits,
		})
		for _, f := range r.Failed {
			t.Errorf("\n%s", f)
		}
		t.Logf("%d passed, %d skipped", len(r.Passed), len(r.Skipped))
	})
}
