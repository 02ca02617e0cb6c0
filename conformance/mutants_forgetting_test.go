package conformance_test

import (
	"context"
	"strings"
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
	name:    "all receipts of a record are kept from the first one on",
	rule:    "forgetting/not-too-soon",
	harness: sharedExpiry,
}, {
	name:    "nothing is ever forgotten",
	rule:    "forgetting/begins-anew",
	harness: memoryWith(memory.Options{MaxValue: valueLimit, MaxKey: keyLimit, Queue: queueLimit, Retention: time.Hour}),
}, {
	name:    "records are forgotten when nobody writes to them",
	rule:    "forgetting/never-what-is-there",
	harness: expiringRecords,
}}

// sharedExpiry has one time for all receipts of a record, which begins with the
// first of them and ends all.
func sharedExpiry() conformance.Harness {
	type receipts struct {
		since time.Time
		over  int // how often that was
	}
	var mu sync.Mutex // protects rooms
	rooms := map[broker.Key]receipts{}
	return twistMemory(func() twist {
		return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			r, ok := rooms[key]
			switch {
			case !ok:
				r.since = time.Now()
			case time.Since(r.since) > retention:
				r = receipts{time.Now(), r.over + 1}
			}
			rooms[key] = r
			if c.ID.Writer != "" {
				c.ID.Writer += strings.Repeat("'", r.over)
			}
			return b.Commit(ctx, key, c)
		}}
	})
}

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
