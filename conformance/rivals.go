package conformance

import (
	"errors"
	"fmt"
	"sync"

	"github.com/spinneyio/est/broker"
)

// rivalRules are about commits of which one can be applied, sent at the same time.
var rivalRules = []rule{{
	name:    "concurrency/one-version",
	numbers: []int{7, 9, 11, 12},
	promise: "Of puts and deletes that expect the same version, sent at the same time, one is applied; decisions that only read are applied before it, or refused.",
	breaks:  "A room that is purged while somebody changes it would come back, or lose that change; or a client would be answered from a state that is no more.",
	check: func(c *trial) {
		handles := []*handle{c.open(), c.open(), c.open()}
		for round := range c.few(20) {
			key := c.key()
			base := handles[0].commit(key, broker.Commit{ID: c.writer().next(), Value: put("base")})
			changes := []broker.Change{{}, put(fmt.Sprintf("put %d", round)), deletion()}
			list := make([]rival, 2*len(changes))
			for i := range list {
				list[i].commit = broker.Commit{
					ID: c.writer().next(), Expect: &base.Version, Value: changes[i%len(changes)], Messages: messages(fmt.Sprint(i)),
				}
			}
			c.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] }) // any kind may be sent first
			c.compete(handles, key, list)
			c.oneVersion(base, list, handles[round%len(handles)].load(key))
		}
	},
}, {
	name:    "concurrency/removed-once",
	numbers: []int{7, 9, 11},
	promise: "Of several that remove the same member at the same time, one is applied, and the others get a Conflict that names it.",
	breaks:  "When an instance has died, several survivors would run Leave for the same connection.",
	check: func(c *trial) {
		handles := []*handle{c.open(), c.open(), c.open()}
		for range c.few(20) {
			key := c.key()
			handles[0].commit(key, broker.Commit{ID: c.writer().next(), Members: []broker.MemberChange{add("m", "data"), add("stays", "data")}})
			list := make([]rival, 2*len(handles))
			for i := range list {
				list[i].commit = broker.Commit{
					ID: c.writer().next(), Members: []broker.MemberChange{remove("m")}, Messages: messages(fmt.Sprint(i)),
				}
			}
			c.compete(handles, key, list)
			applied := 0
			for _, r := range list {
				if r.conflict == nil {
					applied++
					continue
				}
				c.want("who is gone", fmt.Sprintf("%q", r.conflict.Gone), `["m"]`)
			}
			c.want("the number of removals that were applied", applied, 1)
			record := handles[1].load(key)
			c.want("the number of messages", record.At.Seq, uint64(1))
			c.want("the number of members", len(record.Members), 1)
		}
	},
}}

// rival is a commit, and what became of it.
type rival struct {
	commit   broker.Commit
	receipt  broker.Receipt
	conflict *broker.Conflict // nil: it was applied
}

// compete sends all of them at once.
func (c *trial) compete(handles []*handle, key broker.Key, list []rival) {
	var start sync.WaitGroup
	start.Add(len(list))
	c.parallel(len(list), func(i int) {
		r := &list[i]
		start.Done()
		start.Wait()
		receipt, err := handles[i%len(handles)].try(key, r.commit)
		conflict, ok := errors.AsType[*broker.Conflict](err)
		if err != nil && !ok {
			c.fatal("the commit is applied, or a *broker.Conflict", outcome(err))
		}
		r.receipt, r.conflict = receipt, conflict
	})
}

// oneVersion gives up unless one of the list has moved the version from that of
// base, after all that expected it, and the record is as it has left it.
func (c *trial) oneVersion(base broker.Receipt, list []rival, record broker.Record) {
	var winner *rival
	kept := uint64(0)
	for i := range list {
		switch r := &list[i]; {
		case r.conflict != nil:
		case r.commit.Value.Op == broker.Keep:
			c.want("the version that a decision which only reads has left", r.receipt.Version, base.Version)
			kept++
		case winner != nil:
			c.fatal("one put or delete that expects version "+c.show(base.Version)+" is applied", "two are")
		default:
			winner = r
		}
	}
	if winner == nil {
		c.fatal("one put or delete that expects version "+c.show(base.Version)+" is applied", "none is")
	}
	c.want("the number of the winner's message, after those of decisions that were applied before it,", winner.receipt.At.Seq, kept+1)
	c.want("the record", record, broker.Record{Value: winner.commit.Value.Value, Version: winner.receipt.Version, At: winner.receipt.At})
	for _, r := range list {
		if r.conflict != nil {
			c.want("the record of a conflict", broker.Record{Value: r.conflict.Record.Value, Version: r.conflict.Record.Version},
				broker.Record{Value: record.Value, Version: record.Version})
		}
	}
}
