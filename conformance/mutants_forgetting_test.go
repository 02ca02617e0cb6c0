package conformance_test

import (
	"context"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

var forgettingMutants = []mutant{{
	name:    "receipts are kept half as long as is stated",
	rule:    "forgetting/not-too-soon",
	harness: memoryWith(memory.Options{MaxValue: valueLimit, MaxKey: keyLimit, Queue: queueLimit, Retention: retention / 5}),
}, {
	name:    "nothing is ever forgotten",
	rule:    "forgetting/begins-anew",
	harness: memoryWith(memory.Options{MaxValue: valueLimit, MaxKey: keyLimit, Queue: queueLimit, Retention: time.Hour}),
}, {
	name:    "records are forgotten when nobody writes to them",
	rule:    "forgetting/never-what-is-there",
	harness: expiringRecords,
}}

// expiringRecords shows no record that nobody has written to for a while.
func expiringRecords() conformance.Harness {
	var mu sync.Mutex // protects written
	written := map[broker.Key]time.Time{}
	return twistMemory(func() twist {
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				r, err := b.Load(ctx, key, true)
				there := r.Value != nil || r.Members != nil
				if at, ok := written[key]; ok && there && time.Since(at) > retention {
					return broker.Record{}, nil
				}
				if !members {
					r.Members = nil
				}
				return r, err
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				written[key] = time.Now()
				return b.Commit(ctx, key, c)
			},
		}
	})
}
