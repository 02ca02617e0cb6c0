package conformance_test

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var batchMutants = []mutant{{
	name:    "the first page of members is read, which has 1,000",
	rule:    "commits/many",
	harness: changedRecords(func(r *broker.Record) { r.Members = r.Members[:min(len(r.Members), 1000)] }),
}, {
	name: "more than 25 members are changed in two transactions",
	rule: "commits/many",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		const most = 25
		if len(c.Members) > most && c.Validate() == nil {
			first := broker.Commit{ID: c.ID, Expect: c.Expect, Members: c.Members[:most]}
			first.ID.Writer += " first"
			if receipt, err := b.Commit(ctx, key, first); err != nil {
				return receipt, err
			}
			c.Members = c.Members[most:]
		}
		return b.Commit(ctx, key, c)
	}}),
}, {
	name:    "the first 100 messages of a commit are published",
	rule:    "commits/many",
	harness: changedCommits(func(c *broker.Commit) { c.Messages = c.Messages[:min(len(c.Messages), 100)] }),
}, {
	name: "members are sorted in place",
	rule: "commits/bytes-stay",
	harness: changedCommits(func(c *broker.Commit) {
		slices.SortFunc(c.Members, func(a, b broker.MemberChange) int { return strings.Compare(a.ID, b.ID) })
	}),
}, {
	name:    "conflicts are read into one buffer",
	rule:    "commits/bytes-stay",
	harness: pooledConflicts,
}}

func pooledConflicts() conformance.Harness {
	return twistMemory(func() twist {
		var buffer []byte
		return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			receipt, err := b.Commit(ctx, key, c)
			if conflict, ok := errors.AsType[*broker.Conflict](err); ok && conflict.Record.Value != nil {
				buffer = append(buffer[:0], conflict.Record.Value...)
				conflict.Record.Value = buffer
			}
			return receipt, err
		}}
	})
}
