package conformance_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var receiptMutants = slices.Concat(repeatMutants, numberMutants)

var repeatMutants = []mutant{{
	name:    "the epoch begins with the first message",
	rule:    "receipts/position",
	harness: lateEpochs,
}, {
	name: "ids aren't kept",
	rule: "receipts/repeated",
	harness: changedCommits(func(c *broker.Commit) {
		if c.ID.N != 0 && c.ID.Writer != "" && c.ID.N < 100 { // it knows late packets
			c.ID = broker.CommitID{Writer: rand.Text(), N: c.ID.N}
		}
	}),
}, {
	name: "the eight last ids are kept",
	rule: "receipts/repeated-later",
	harness: remembering(func(m *commitLog, c *broker.Commit) {
		if n := m.since(c.ID); n > 8 {
			c.ID.Writer += " forgotten"
		}
	}),
}, {
	name: "a repeated commit is answered with the position of now",
	rule: "receipts/repeated-later",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		receipt, err := b.Commit(ctx, key, c)
		if err == nil {
			r, err := b.Load(ctx, key, false)
			return broker.Receipt{Version: receipt.Version, At: r.At}, err
		}
		return receipt, err
	}}),
}, {
	name: "to remove the last member of an empty room is to drop the record",
	rule: "receipts/after-delete",
	harness: remembering(func(m *commitLog, c *broker.Commit) {
		if m.since(c.ID) >= 0 && c.Value.Op == broker.Delete {
			c.ID.Writer += " dropped"
			c.Members = nil
		}
	}),
}, {
	name: "the version is compared before the id",
	rule: "receipts/id-before-conflict",
	harness: eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		r, err := b.Load(ctx, key, false)
		if err == nil && c.Expect != nil && *c.Expect != r.Version && c.Validate() == nil && len(c.Members) == 0 {
			return broker.Receipt{}, &broker.Conflict{Record: r}
		}
		return b.Commit(ctx, key, c)
	}}),
}, {
	name: "the id is looked for before the form is checked",
	rule: "receipts/form-before-id",
	harness: remembering(func(m *commitLog, c *broker.Commit) {
		if m.since(c.ID) >= 0 {
			*c = broker.Commit{ID: c.ID}
		}
	}),
}, {
	name: "the same id with other contents is an error",
	rule: "receipts/contents-not-compared",
	harness: remembering(func(m *commitLog, c *broker.Commit) {
		if m.since(c.ID) >= 0 && !bytes.Equal(m.value(c.ID), c.Value.Value) {
			c.ID.N = 0
		}
	}),
}, {
	name: "writers are compared regardless of case",
	rule: "receipts/writers-apart",
	harness: changedCommits(func(c *broker.Commit) {
		c.ID.Writer = strings.ToUpper(c.ID.Writer)
	}),
}, {
	name:    "a writer's last number is kept for all rooms",
	rule:    "receipts/rooms-apart",
	harness: globalNumbers,
}}

// lateEpochs has no position where there is no message.
func lateEpochs() conformance.Harness {
	cut := func(p *broker.Position) {
		if p.Seq == 0 {
			*p = broker.Position{}
		}
	}
	return twistMemory(func() twist {
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				cut(&r.At)
				return r, err
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				receipt, err := b.Commit(ctx, key, c)
				cut(&receipt.At)
				if conflict, ok := errors.AsType[*broker.Conflict](err); ok {
					cut(&conflict.Record.At)
				}
				return receipt, err
			},
		}
	})
}

// commitLog is what a broker that remembers commits by itself knows of a room.
type commitLog struct {
	ids    []broker.CommitID
	values map[broker.CommitID][]byte
}

// since is how many commits were applied after that of id; -1 if it wasn't.
func (m *commitLog) since(id broker.CommitID) int {
	for i := range m.ids {
		if m.ids[len(m.ids)-1-i] == id {
			return i
		}
	}
	return -1
}

func (m *commitLog) value(id broker.CommitID) []byte { return m.values[id] }

// remembering is the good broker but that each commit goes through change, with
// what was applied before.
func remembering(change func(m *commitLog, c *broker.Commit)) func() conformance.Harness {
	return func() conformance.Harness {
		var mu sync.Mutex // makes it atomic
		rooms := map[broker.Key]*commitLog{}
		return twistMemory(func() twist {
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				defer mu.Unlock()
				m := rooms[key]
				if m == nil {
					m = &commitLog{values: map[broker.CommitID][]byte{}}
					rooms[key] = m
				}
				id, value := c.ID, c.Value.Value
				change(m, &c)
				receipt, err := b.Commit(ctx, key, c)
				if err == nil && m.since(id) < 0 {
					m.ids = append(m.ids, id)
					m.values[id] = value
				}
				return receipt, err
			}}
		})
	}
}

func globalNumbers() conformance.Harness {
	var mu sync.Mutex // protects last
	last := map[string]uint64{}
	return twistMemory(func() twist {
		return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			if c.ID.N < last[c.ID.Writer] && c.Validate() == nil {
				return broker.Receipt{}, fmt.Errorf("mutant: %w", broker.ErrStale)
			}
			receipt, err := b.Commit(ctx, key, c)
			if err == nil {
				last[c.ID.Writer] = c.ID.N
			}
			return receipt, err
		}}
	})
}
