package conformance_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var numberMutants = []mutant{{
	name: "ids are a set: smaller numbers are new",
	rule: "receipts/late-packet",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if errors.Is(err, broker.ErrStale) {
			c.ID.Writer += fmt.Sprint(c.ID.N)
			return b.Commit(ctx, key, c)
		}
		return receipt, err
	}}),
}, {
	name: "a late packet is answered with a conflict if it has one",
	rule: "receipts/late-packet",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if errors.Is(err, broker.ErrStale) {
			c.ID = broker.CommitID{Writer: rand.Text(), N: 1}
			if c.Expect != nil || len(c.Members) > 0 {
				return b.Commit(ctx, key, c)
			}
		}
		return receipt, err
	}}),
}, {
	name: "a refused commit has used its number",
	rule: "receipts/refused-number",
	harness: usedNumbers(func(err error) bool {
		_, conflict := errors.AsType[*broker.Conflict](err)
		return conflict
	}),
}, {
	name:    "numbers are doubles",
	rule:    "receipts/large-numbers",
	harness: changedCommits(func(c *broker.Commit) { c.ID.N = uint64(float64(c.ID.N)) }),
}, {
	name: "numbers are signed",
	rule: "receipts/large-numbers",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		if c.ID.N > math.MaxInt64 {
			return broker.Receipt{}, errors.New("bigint out of range")
		}
		return b.Commit(ctx, key, c)
	}}),
}}

// usedNumbers notes the number of a commit that is refused with one of these errors.
func usedNumbers(these func(error) bool) func() conformance.Harness {
	return func() conformance.Harness {
		var mu sync.Mutex // protects refused
		refused := map[broker.CommitID]bool{}
		return twistMemory(func() twist {
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				if refused[c.ID] {
					return broker.Receipt{}, fmt.Errorf("mutant: %w", broker.ErrStale)
				}
				receipt, err := b.Commit(ctx, key, c)
				if these(err) {
					refused[c.ID] = true
				}
				return receipt, err
			}}
		})
	}
}
