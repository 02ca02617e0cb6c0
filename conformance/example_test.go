package conformance_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

// The test of a broker has ten lines. Here it is the memory broker's; yours opens
// handles on your store. Name what your store can do besides, in Limits and
// Faults, and nothing is skipped.
func ExampleRun() {
	store := memory.New(nil)

	// In a file of your package whose name ends in _test.go:
	_ = func(t *testing.T) { // func TestConformance(t *testing.T) {
		conformance.Run(t, conformance.Harness{
			Open: func() (broker.Broker, error) { return store.Open(), nil },
		})
	}
	// Output:
}

// forgetful is a broker that doesn't look at what a commit expects.
type forgetful struct{ broker.Broker }

func (f forgetful) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	c.Expect = nil
	return f.Broker.Commit(ctx, key, c)
}

// What a failure says.
func ExampleCheck() {
	store := memory.New(nil)
	report := conformance.Check(conformance.Harness{
		Open: func() (broker.Broker, error) { return forgetful{store.Open()}, nil },
		Seed: 1,
	})
	fmt.Println(report.Failed[0])
	// Output:
	// commits/expected-version
	//   A commit that expects a version is applied if the record has that one, and one that expects nothing
	//   in any case. If not, the answer is a Conflict with the record as it is, without members, and nothing
	//   changes. (package broker, rule 11.)
	//   Otherwise: What another instance has just done would be overwritten.
	//   done:
	//     A.Commit("room-1", w1/1, put "1", add "m" = "data") → version v1 at e1:0
	//     B.Commit("room-1", w2/1, expect v1, put "2", message "x") → version v2 at e1:1
	//     B.Load("room-1") → "2", version v2 at e1:1, member "m" = "data"
	//     A.Commit("room-1", w3/1, expect v1, put "3") → version v3 at e1:1
	//   expected: a *broker.Conflict
	//   happened: no error
	//   again: -conformance.seed=1
}
