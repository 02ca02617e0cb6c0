package conformance_test

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var modelMutants = []mutant{{
	name:    "a commit that changes nothing leaves no receipt",
	rule:    "model/agrees-with-apply",
	harness: noReceiptsOfReads,
}, {
	name: "no data is taken for data that stay",
	rule: "model/agrees-with-apply",
	harness: seeing(func(r broker.Record, c *broker.Commit) {
		data := map[string][]byte{}
		for _, m := range r.Members {
			data[m.ID] = m.Data
		}
		list := c.Members
		c.Members = nil
		for _, m := range list {
			if there := data[m.ID]; m.Op == broker.Add && len(m.Data) == 0 && len(there) > 0 {
				m.Data = there
			}
			c.Members = append(c.Members, m)
		}
	}),
}, {
	name:    "a receipt is kept without the version if the value was",
	rule:    "model/agrees-with-apply",
	harness: receiptsWithoutVersion,
}}

// reads says whether c changes nothing that is in the record.
func reads(c broker.Commit) bool {
	for _, m := range c.Members {
		if m.Op != broker.Require {
			return false
		}
	}
	return c.Value.Op == broker.Keep && len(c.Messages) == 0
}

// noReceiptsOfReads notes the number of such a commit only, and that in vain: the
// same number is not below it.
func noReceiptsOfReads() conformance.Harness {
	type writer struct {
		key  broker.Key
		name string
	}
	var mu sync.Mutex // protects last
	last := map[writer]uint64{}
	return twistMemory(func() twist {
		return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			w := writer{key, c.ID.Writer}
			n := c.ID.N
			if reads(c) && n >= last[w] && c.Validate() == nil {
				c.ID = broker.CommitID{Writer: rand.Text(), N: 1}
			}
			receipt, err := b.Commit(ctx, key, c)
			if err == nil {
				last[w] = n
			}
			return receipt, err
		}}
	})
}

// receiptsWithoutVersion answers a repeated commit that kept the value with the
// version that the record has by now.
func receiptsWithoutVersion() conformance.Harness {
	return eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if err != nil || c.Value.Op != broker.Keep {
			return receipt, err
		}
		r, err := b.Load(ctx, key, false)
		receipt.Version = r.Version
		return receipt, err
	}})()
}
