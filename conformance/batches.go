package conformance

import (
	"fmt"

	"github.com/spinneyio/est/broker"
)

// batchRules are about commits that hold much. est commits what many connections
// want as one.
var batchRules = []rule{{
	name:    "commits/many",
	numbers: []int{5, 8, 9, 11, 21},
	promise: "A commit may change 300 members and have 300 messages: all of that is applied, or nothing; and a record may have 1,200 members, all of which are listed.",
	breaks:  "A room would work until many are in it, or until many speak at once: then some would be forgotten, or half of a batch be done.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		const batch, batches = 300, 4
		// all is a commit that does the same to each member of a batch.
		all := func(n int, change func(id string) broker.MemberChange) (commit broker.Commit) {
			commit.ID = c.writer().next()
			for i := range batch {
				commit.Members = append(commit.Members, change(fmt.Sprintf("%04d", n*batch+i)))
			}
			return commit
		}
		for n := range batches {
			a.commit(key, all(n, func(id string) broker.MemberChange { return add(id, "data of "+id) }))
		}
		before := b.load(key)
		c.want("the number of members", len(before.Members), batch*batches)
		for i, m := range before.Members {
			id := fmt.Sprintf("%04d", i)
			c.want(fmt.Sprintf("member %d", i), m, broker.Member{ID: id, Data: []byte("data of " + id)})
		}

		last := all(0, func(id string) broker.MemberChange { return replace(id, "never") })
		last.Members = append(last.Members, require("nobody"))
		c.want("the members that are gone", a.conflict(key, last).Gone, []string{"nobody"})
		c.want("the record", b.load(key), before)

		var bodies []string
		for i := range batch {
			bodies = append(bodies, fmt.Sprint(i))
		}
		c.want("the number of the last message", a.publish(key, bodies...).At.Seq, uint64(batch))

		for n := range batches {
			a.commit(key, all(n, remove))
		}
		c.want("the number of members, when all have left", len(b.load(key).Members), 0)
	},
}, {
	name:    "commits/bytes-stay",
	numbers: []int{3},
	promise: "A commit that was passed in stays as it is: its members and messages, and their order. A conflict that was handed out does, too.",
	breaks:  "A commit that is sent again would be another one, and the state that a room decides on after a conflict would turn into another one.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		id := c.writer().next()
		made := func() broker.Commit {
			return broker.Commit{
				ID: id, Expect: expect(""), Value: put("v"),
				Members:  []broker.MemberChange{add("b", "1"), add("c", "2"), add("a", "3")},
				Messages: messages("2", "3", "1"),
			}
		}
		passed := made()
		a.commit(key, passed)
		c.want("the commit that was passed", passed, made())
		text := func(n int) string { return fmt.Sprintf("value %03d", n) }
		const rounds = 50 // of like sizes, so that a pooled buffer is used again
		var kept []*broker.Conflict
		for n := range rounds {
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: put(text(n))})
			kept = append(kept, a.conflict(key, broker.Commit{ID: c.writer().next(), Expect: expect("")}))
		}
		for n, conflict := range kept {
			c.want(fmt.Sprintf("the value in conflict %d, looked at later", n+1), string(conflict.Record.Value), text(n))
		}
	},
}}
