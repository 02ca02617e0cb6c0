package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// concurrencyRules are about the record alone. What is heard of commits that are made
// at the same time is another group's.
var concurrencyRules = slices.Concat(contestRules, rivalRules)

var contestRules = []rule{{
	name:    "concurrency/no-lost-update",
	numbers: []int{7, 9, 11, 14, 15},
	promise: "Of commits that expect the same version, sent at the same time by whatever handles, one is applied; it is still applied once when it is sent again, and its version names its value for everybody.",
	breaks:  "Two instances would decide on the same state, and what one of them has done and told its clients would be gone.",
	check:   contests(func(h *history, _ []*write) *flaw { return h.versions() }),
}, {
	name:    "concurrency/real-time-order",
	numbers: []int{7, 11},
	promise: "A load, a commit or a conflict that begins after another call was answered shows what that one has done or shown, or something later, while many others are under way.",
	breaks:  "In a busy room an instance would decide on a state from before what its client has already seen.",
	check:   contests((*history).inTime),
}, {
	name:    "concurrency/no-torn-reads",
	numbers: []int{7, 9},
	promise: "Value, version, position and members are read as one commit has left them, while commits are under way.",
	breaks:  "A connection that joins would be told a state that never was, or skip the messages between its state and its position.",
	check:   contests((*history).whole),
}, {
	name:    "concurrency/members",
	numbers: []int{7, 9, 11},
	promise: "Members that are added, replaced and removed by many at the same time are all there, or gone, afterwards.",
	breaks:  "When many join and leave at once, presence would show who has left, and messages would not reach who is there.",
	check:   manyMembers,
}, {
	name:    "concurrency/same-commit-at-once",
	numbers: []int{10, 15},
	promise: "One commit that is sent by several handles at the same time is applied once, and every answer is the one receipt.",
	breaks:  "A commit whose answer is late, and which is therefore sent again on another connection, would be done twice.",
	check:   sameCommit,
}}

// contests is a case of some contests, of which nothing may be wrong.
func contests(wrong func(h *history, order []*write) *flaw) func(*trial) {
	return func(c *trial) {
		for range c.few(4) {
			c.right(wrong(c.contest(false)))
		}
	}
}

// manyMembers lets goroutines work on members of their own.
func manyMembers(c *trial) {
	const goroutines = 6
	handles := []*handle{c.open(), c.open(), c.open()}
	for range c.few(4) {
		key := c.key()
		want := map[string]string{}
		for i := range goroutines {
			want[fmt.Sprintf("%d stays", i)], want[fmt.Sprintf("%d changes", i)] = "old", "new"
		}
		c.parallel(goroutines, func(i int) {
			h, w := handles[i%len(handles)], c.writer()
			stays, changes, goes := fmt.Sprintf("%d stays", i), fmt.Sprintf("%d changes", i), fmt.Sprintf("%d goes", i)
			for _, m := range []broker.MemberChange{
				add(stays, "old"), add(changes, "old"), add(goes, "old"), require(stays), replace(changes, "new"), remove(goes),
			} {
				h.commit(key, broker.Commit{ID: w.next(), Members: []broker.MemberChange{m}})
			}
		})
		got := map[string]string{}
		for _, m := range handles[0].load(key).Members {
			got[m.ID] = string(m.Data)
		}
		for _, id := range slices.Sorted(maps.Keys(got)) {
			if _, ok := want[id]; !ok {
				c.fatal(fmt.Sprintf("the member %q is gone, since it was removed", id), "it is there")
			}
		}
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if data, ok := got[id]; !ok || data != want[id] {
				c.fatal(fmt.Sprintf("the member %q is there, with %q", id, want[id]), fmt.Sprintf("there: %t, with %q", ok, data))
			}
		}
	}
}

// sameCommit sends each commit by all handles at once.
func sameCommit(c *trial) {
	const senders = 6
	handles := []*handle{c.open(), c.open(), c.open()}
	key := c.key()
	version := broker.Version("")
	for n := range c.few(10) {
		commit := broker.Commit{ID: c.writer().next(), Value: put(fmt.Sprint(n)), Messages: messages(fmt.Sprint(n))}
		if n%2 == 0 {
			commit.Expect = &version
		}
		var start sync.WaitGroup
		start.Add(senders)
		began := time.Now()
		var receipts [senders]broker.Receipt
		var errs [senders]error
		c.parallel(senders, func(i int) {
			start.Done()
			start.Wait()
			receipts[i], errs[i] = handles[i%len(handles)].try(key, commit)
		})
		c.retained(began)
		if err := errors.Join(errs[:]...); err != nil {
			c.fatal("each of them is answered with the receipt", outcome(err))
		}
		first := receipts[0]
		if i := slices.IndexFunc(receipts[:], func(r broker.Receipt) bool { return r != first }); i > 0 {
			c.want("the receipt", receipts[i], first)
		}
		c.want("the number of messages so far", first.At.Seq, uint64(n+1))
		c.want("the record's position", handles[n%len(handles)].load(key).At, first.At)
		version = first.Version
	}
}
