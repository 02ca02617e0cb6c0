package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

var recordMutants = []mutant{{
	name:    "an absent record is an empty one",
	rule:    "records/absent",
	harness: changedRecords(func(r *broker.Record) { r.Value = append([]byte{}, r.Value...) }),
}, {
	name:    "a handle caches what it has read",
	rule:    "records/read-back",
	harness: cachedRecords,
}, {
	name: "an empty value is left out, as by omitempty",
	rule: "records/empty-is-a-value",
	harness: changedRecords(func(r *broker.Record) {
		if len(r.Value) == 0 {
			r.Value = nil
		}
	}),
}, {
	name:    "values are strings of UTF-8",
	rule:    "records/any-bytes",
	harness: changedCommits(func(c *broker.Commit) { c.Value.Value = valid(c.Value.Value) }),
}, {
	name: "members' data are strings of UTF-8",
	rule: "records/any-bytes",
	harness: changedCommits(func(c *broker.Commit) {
		c.Members = slices.Clone(c.Members)
		for i, m := range c.Members {
			c.Members[i].Data = valid(m.Data)
		}
	}),
}, {
	name:    "the length of a value has 16 bits",
	rule:    "records/sizes",
	harness: changedCommits(func(c *broker.Commit) { c.Value.Value = c.Value.Value[:len(c.Value.Value)&0xffff] }),
}, {
	name:    "what is too large is cut",
	rule:    "records/too-large",
	harness: changedCommits(func(c *broker.Commit) { c.Value.Value = c.Value.Value[:min(len(c.Value.Value), valueLimit)] }),
}, {
	name:    "the limit is not the one that is stated",
	rule:    "records/too-large",
	harness: memoryWith(memory.Options{MaxValue: 2 * valueLimit, MaxKey: keyLimit, Queue: queueLimit, Retention: retention}),
}, {
	name:    "a commit that is too large has used its number",
	rule:    "records/too-large",
	harness: usedNumbers(func(err error) bool { return errors.Is(err, broker.ErrTooLarge) }),
}, {
	name: "members are sorted regardless of case",
	rule: "records/members-in-order",
	harness: changedRecords(func(r *broker.Record) {
		slices.SortStableFunc(r.Members, func(a, b broker.Member) int {
			return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID))
		})
	}),
}, {
	name: "members always come along",
	rule: "records/members-on-request",
	harness: eachMemory(twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, _ bool) (broker.Record, error) {
		return b.Load(ctx, key, true)
	}}),
}, {
	name: "what is read without members is cached",
	rule: "records/without-members",
	harness: glances(func(now broker.Record, old *broker.Record) broker.Record {
		if old == nil || old.Value == nil {
			return now
		}
		return *old
	}),
}, {
	name:    "what is read without members is one commit behind",
	rule:    "records/without-members",
	harness: behind,
}, {
	name: "what is read without members has no position",
	rule: "records/without-members",
	harness: glances(func(now broker.Record, _ *broker.Record) broker.Record {
		now.At = broker.Position{}
		return now
	}),
}, {
	name: "an empty value is left out, without members",
	rule: "records/without-members",
	harness: glances(func(now broker.Record, _ *broker.Record) broker.Record {
		if len(now.Value) == 0 {
			now.Value = nil
		}
		return now
	}),
}, {
	name:    "values are read into one buffer",
	rule:    "records/bytes-stay",
	harness: pooledRecords,
}, {
	name: "values are encrypted in place",
	rule: "records/bytes-stay",
	harness: changedCommits(func(c *broker.Commit) {
		plain := c.Value.Value
		c.Value.Value = bytes.Clone(plain)
		clear(plain)
	}),
}}

// eachMemory is the good broker, with all handles twisted alike.
func eachMemory(t twist) func() conformance.Harness {
	return func() conformance.Harness { return twistMemory(func() twist { return t }) }
}

// changedRecords is the good broker but that all that is read goes through change.
func changedRecords(change func(*broker.Record)) func() conformance.Harness {
	return eachMemory(twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
		r, err := b.Load(ctx, key, members)
		if err == nil {
			change(&r)
		}
		return r, err
	}})
}

// changedCommits is the good broker but that all commits go through change.
func changedCommits(change func(*broker.Commit)) func() conformance.Harness {
	return eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		change(&c)
		return b.Commit(ctx, key, c)
	}})
}

// memoryWith is a memory broker that states the limits of the good one.
func memoryWith(o memory.Options) func() conformance.Harness {
	return func() conformance.Harness {
		store := memory.New(&o)
		h := memoryHarness()
		h.Open = func() (broker.Broker, error) { return store.Open(), nil }
		return h
	}
}

func cachedRecords() conformance.Harness {
	return twistMemory(func() twist {
		var mu sync.Mutex // protects cache
		cache := map[string]broker.Record{}
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				name := fmt.Sprintf("%q %t", key, members)
				mu.Lock()
				defer mu.Unlock()
				if r, ok := cache[name]; ok {
					return r, nil
				}
				r, err := b.Load(ctx, key, members)
				if r.At.Epoch != "" {
					cache[name] = r
				}
				return r, err
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				clear(cache)
				return b.Commit(ctx, key, c)
			},
		}
	})
}

// glances is the good broker but that what is read without members goes through
// show, with what the handle has shown of the record before.
func glances(show func(now broker.Record, old *broker.Record) broker.Record) func() conformance.Harness {
	return func() conformance.Harness {
		return twistMemory(func() twist {
			var mu sync.Mutex // protects shown
			shown := map[broker.Key]*broker.Record{}
			return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				if members || err != nil {
					return r, err
				}
				mu.Lock()
				defer mu.Unlock()
				r = show(r, shown[key])
				shown[key] = &r
				return r, nil
			}}
		})
	}
}

// behind reads from a copy of the store, which gets each commit with the next one.
func behind() conformance.Harness {
	var mu sync.Mutex // protects copies
	copies := map[broker.Key]broker.Record{}
	return twistMemory(func() twist {
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				mu.Lock()
				defer mu.Unlock()
				if old := copies[key]; !members && err == nil && old.Value != nil {
					return old, nil
				}
				return r, err
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				old, err := b.Load(ctx, key, false)
				if err == nil {
					copies[key] = old
				}
				return b.Commit(ctx, key, c)
			},
		}
	})
}

func pooledRecords() conformance.Harness {
	return twistMemory(func() twist {
		var mu sync.Mutex // protects buffer, but not what was handed out of it
		var buffer []byte
		return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
			r, err := b.Load(ctx, key, members)
			mu.Lock()
			defer mu.Unlock()
			if r.Value != nil {
				buffer = append(buffer[:0], r.Value...)
				r.Value = buffer
			}
			return r, err
		}}
	})
}
