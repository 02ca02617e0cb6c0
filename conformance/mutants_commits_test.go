package conformance_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var commitMutants = slices.Concat(changeMutants, batchMutants)

var changeMutants = []mutant{{
	name: "operations that it doesn't know are ignored",
	rule: "commits/invalid",
	harness: changedCommits(func(c *broker.Commit) {
		if c.Value.Op > broker.Delete {
			c.Value.Op = broker.Keep
		}
	}),
}, {
	name: "a commit without a writer gets one",
	rule: "commits/invalid",
	harness: changedCommits(func(c *broker.Commit) {
		if c.ID.Writer == "" {
			c.ID.Writer = rand.Text()
		}
	}),
}, {
	name:    "the expected version is ignored",
	rule:    "commits/expected-version",
	harness: changedCommits(func(c *broker.Commit) { c.Expect = nil }),
}, {
	name:    "a conflict doesn't say what there is",
	rule:    "commits/expected-version",
	harness: changedConflicts(func(c *broker.Conflict) { c.Record = broker.Record{} }),
}, {
	name: "to expect no version is to expect any",
	rule: "commits/expect-none",
	harness: changedCommits(func(c *broker.Commit) {
		if c.Expect != nil && *c.Expect == "" {
			c.Expect = nil
		}
	}),
}, {
	name: "no version is expected by looking for the value",
	rule: "commits/expect-none",
	harness: seeing(func(r broker.Record, c *broker.Commit) {
		if c.Expect != nil && *c.Expect == "" && r.Value == nil {
			c.Expect = nil
		}
	}),
}, {
	name: "who keeps the value needs no version",
	rule: "commits/keep-is-checked",
	harness: changedCommits(func(c *broker.Commit) {
		if c.Value.Op == broker.Keep {
			c.Expect = nil
		}
	}),
}, {
	name: "to put the same value is to do nothing",
	rule: "commits/version-moves",
	harness: seeing(func(r broker.Record, c *broker.Commit) {
		if c.Value.Op == broker.Put && r.Value != nil && bytes.Equal(c.Value.Value, r.Value) {
			c.Value = broker.Change{}
		}
	}),
}, {
	name: "to delete nothing is to do nothing",
	rule: "commits/version-moves",
	harness: seeing(func(r broker.Record, c *broker.Commit) {
		if c.Value.Op == broker.Delete && r.Value == nil {
			c.Value = broker.Change{}
		}
	}),
}, {
	name: "the version counts all commits, once there is one",
	rule: "commits/version-stays",
	harness: seeing(func(r broker.Record, c *broker.Commit) {
		if c.Value.Op == broker.Keep && c.Value.Value == nil && r.Value != nil {
			c.Value = broker.Change{Op: broker.Put, Value: r.Value}
		}
	}),
}, {
	name:    "values are compared instead of versions",
	rule:    "commits/same-value-again",
	harness: comparedValues,
}, {
	name: "to delete the value is to delete everybody",
	rule: "commits/delete",
	harness: seeing(func(r broker.Record, c *broker.Commit) {
		if c.Value.Op == broker.Delete && c.Value.Value == nil && len(c.Members) == 0 {
			for _, m := range r.Members {
				c.Members = append(c.Members, broker.MemberChange{Op: broker.Remove, ID: m.ID})
			}
		}
	}),
}, {
	name: "Replace only looks whether the member is there",
	rule: "commits/members",
	harness: changedMembers(func(m *broker.MemberChange) {
		if m.Op == broker.Replace && len(m.Data) <= valueLimit {
			m.Op, m.Data = broker.Require, nil
		}
	}),
}, {
	name: "Replace makes a member if there is none",
	rule: "commits/gone",
	harness: changedMembers(func(m *broker.MemberChange) {
		if m.Op == broker.Replace {
			m.Op = broker.Add
		}
	}),
}, {
	name: "a conflict names the first member that is gone",
	rule: "commits/gone",
	harness: changedConflicts(func(c *broker.Conflict) {
		c.Gone = c.Gone[:min(len(c.Gone), 1)]
	}),
}, {
	name: "members that are gone are named as they come",
	rule: "commits/gone",
	harness: changedConflicts(func(c *broker.Conflict) {
		slices.Reverse(c.Gone)
	}),
}, {
	name: "versions are looked at before members",
	rule: "commits/gone-and-moved",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if conflict, ok := errors.AsType[*broker.Conflict](err); ok && c.Expect != nil && *c.Expect != conflict.Record.Version {
			conflict.Gone = nil
		}
		return receipt, err
	}}),
}}

// seeing is the good broker but that each commit goes through change, with the
// record as it is. It has one lock, so that this is atomic.
func seeing(change func(r broker.Record, c *broker.Commit)) func() conformance.Harness {
	return func() conformance.Harness {
		var mu sync.Mutex
		return twistMemory(func() twist {
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				r, err := b.Load(ctx, key, true)
				if err != nil {
					return broker.Receipt{}, err
				}
				change(r, &c)
				return b.Commit(ctx, key, c)
			}}
		})
	}
}

// changedConflicts is the good broker but that all conflicts go through change.
func changedConflicts(change func(*broker.Conflict)) func() conformance.Harness {
	return eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if conflict, ok := errors.AsType[*broker.Conflict](err); ok {
			change(conflict)
		}
		return receipt, err
	}})
}

// changedMembers is the good broker but that all changes of members go through change.
func changedMembers(change func(*broker.MemberChange)) func() conformance.Harness {
	return changedCommits(func(c *broker.Commit) {
		c.Members = slices.Clone(c.Members)
		for i := range c.Members {
			change(&c.Members[i])
		}
	})
}

// comparedValues compares what the expected version had with what there is.
func comparedValues() conformance.Harness {
	var mu sync.Mutex // protects values
	values := map[broker.Version]string{}
	return twistMemory(func() twist {
		return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			r, err := b.Load(ctx, key, false)
			if err != nil {
				return broker.Receipt{}, err
			}
			if c.Expect != nil && *c.Expect != "" && r.Value != nil && values[*c.Expect] == string(r.Value) {
				c.Expect = nil
			}
			receipt, err := b.Commit(ctx, key, c)
			if err == nil && c.Value.Op == broker.Put {
				values[receipt.Version] = string(c.Value.Value)
			}
			return receipt, err
		}}
	})
}
