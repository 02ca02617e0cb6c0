package conformance_test

import (
	"flag"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/conformance"
)

// seeds is how many seeds the good brokers are tried with: few by default, so that
// go test stays quick; .ci/run takes a hundred.
var seeds = flag.Uint64("seeds", 2, "how many seeds the good brokers are tried with")

// What the random cases draw, and how goroutines are scheduled, doesn't matter to
// a broker that is right.
func TestGoodBrokerPassesManySeeds(t *testing.T) {
	for seed := uint64(1); seed <= *seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			h := memoryHarness()
			h.Seed = seed
			allPass(t, conformance.Check(h))
		})
		if t.Failed() {
			return
		}
	}
}
