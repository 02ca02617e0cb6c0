package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/spinneyio/est/broker"
)

var receiptRules = slices.Concat(repeatRules, numberRules)

// repeatRules are about commits that are sent again.
var repeatRules = []rule{{
	name:    "receipts/position",
	numbers: []int{16, 21, 22},
	promise: "A receipt has the record's version, and the position of the commit's last message, or the record's if it has none. The first commit begins the epoch, also without a message, and messages are counted from 1.",
	breaks:  "A connection that joins would get messages from before its join, or miss some from after it.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		w := c.writer()
		first := a.commit(key, broker.Commit{ID: w.next()})
		if first.At.Epoch == "" {
			c.fatal("an epoch in the first receipt", "none")
		}
		seq, version := uint64(0), broker.Version("")
		for _, commit := range []broker.Commit{
			{},
			{Messages: messages("1")},
			{Value: put("v")},
			{Messages: messages("2", "3", "")},
			{Members: []broker.MemberChange{add("m", "data")}},
			{Value: put("w"), Messages: messages("5")},
			{},
		} {
			commit.ID = w.next()
			got := a.commit(key, commit)
			seq += uint64(len(commit.Messages))
			if commit.Value.Op == broker.Put {
				version = got.Version
			}
			c.want("the receipt", got, broker.Receipt{Version: version, At: broker.Position{Epoch: first.At.Epoch, Seq: seq}})
			c.want("the record's position", a.load(key).At, got.At)
		}
	},
}, {
	name:    "receipts/repeated",
	numbers: []int{15},
	promise: "The same id again changes nothing, and is answered with the same receipt, by every handle.",
	breaks:  "A lost answer and its repetition would do everything twice.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		began := time.Now()
		commit := broker.Commit{
			ID: c.writer().next(), Value: put("v"), Members: []broker.MemberChange{add("m", "data")}, Messages: messages("1", "2"),
		}
		want := a.commit(key, commit)
		before := a.load(key)
		for _, h := range []*handle{a, b, a} {
			h.repeat(began, key, commit, want)
			c.want("the record", a.load(key), before)
		}
	},
}, {
	name:    "receipts/repeated-later",
	numbers: []int{15, 16, 18},
	promise: "The receipt of the first time is answered however much was committed since, by however many others: not the position as it is now.",
	breaks:  "A join whose answer was lost in a busy room would skip messages, or be done twice.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		began := time.Now()
		w := c.writer()
		commit := broker.Commit{ID: w.next(), Value: put("mine"), Members: []broker.MemberChange{add("m", "data")}, Messages: messages("mine")}
		want := a.commit(key, commit)
		for n := range c.some(200, began) {
			b.commit(key, broker.Commit{ID: c.writer().next(), Value: put(fmt.Sprint("foreign ", n)), Messages: messages("foreign")})
		}
		b.commit(key, broker.Commit{ID: c.writer().next(), Members: []broker.MemberChange{remove("m")}})
		before := b.load(key)
		a.repeat(began, key, commit, want)
		c.want("the record", b.load(key), before)
	},
}, {
	name:    "receipts/after-delete",
	numbers: []int{14, 15},
	promise: "Receipts stay when the value is deleted and the last member removed.",
	breaks:  "The last one's leaving, sent again after a lost answer, would be done twice.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		began := time.Now()
		w := c.writer()
		a.commit(key, broker.Commit{ID: w.next(), Value: put("v"), Members: []broker.MemberChange{add("m", "data")}})
		last := broker.Commit{ID: w.next(), Value: deletion(), Members: []broker.MemberChange{remove("m")}, Messages: messages("left")}
		want := a.commit(key, last)
		a.repeat(began, key, last, want)
	},
}, {
	name:    "receipts/id-before-conflict",
	numbers: []int{10, 15},
	promise: "The known id is looked for before versions and members are checked.",
	breaks:  "A commit that was applied would be answered with a conflict after a lost answer, and be decided again.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		began := time.Now()
		w := c.writer()
		a.commit(key, broker.Commit{ID: w.next(), Members: []broker.MemberChange{add("m", "data")}})
		for _, commit := range []broker.Commit{
			{Expect: expect(""), Value: put("v")},
			{Members: []broker.MemberChange{remove("m")}},
		} {
			commit.ID = w.next()
			want := a.commit(key, commit)
			a.repeat(began, key, commit, want)
		}
	},
}, {
	name:    "receipts/form-before-id",
	numbers: []int{10},
	promise: "The form of a commit is checked before its id.",
	breaks:  "A mistake of the caller would look like success.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		id := c.writer().next()
		a.commit(key, broker.Commit{ID: id, Value: put("v")})
		a.refused(key, broker.Commit{ID: id, Value: broker.Change{Op: 9}}, broker.ErrInvalid)
	},
}, {
	name:    "receipts/contents-not-compared",
	numbers: []int{15},
	promise: "The id alone says that a commit was applied: its contents aren't compared.",
	breaks:  "A repetition whose bytes differ, since a proxy or an encoder is free to do that, would be done again.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		began := time.Now()
		id := c.writer().next()
		want := a.commit(key, broker.Commit{ID: id, Value: put("v"), Messages: messages("1")})
		a.repeat(began, key, broker.Commit{ID: id, Value: put("other"), Messages: messages("2", "3")}, want)
		c.want("the value", a.load(key).Value, []byte("v"))
	},
}, {
	name:    "receipts/writers-apart",
	numbers: []int{2, 14, 15},
	promise: "Different ids have different receipts and versions, whatever bytes a writer holds.",
	breaks:  "A commit would be taken for one of another writer.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		w := c.writer().id
		ids := []broker.CommitID{
			{Writer: w, N: 1}, {Writer: w + "1", N: 1}, {Writer: w, N: 11}, {Writer: w + "-1", N: 1}, {Writer: w + ":1", N: 1},
			{Writer: w + ".1", N: 1}, {Writer: w + "/1", N: 1}, {Writer: w + "_1", N: 1}, {Writer: w, N: 111}, {Writer: w + "11", N: 1},
		}
		for _, name := range hostileNames {
			ids = append(ids, broker.CommitID{Writer: w + name + "\x00", N: 1})
		}
		seen := map[broker.Version]broker.CommitID{}
		for n, id := range ids {
			value := fmt.Sprint(n)
			got := a.commit(key, broker.Commit{ID: id, Value: put(value)})
			if other, ok := seen[got.Version]; ok {
				c.fatal(fmt.Sprintf("a version of its own for commit %q %d", id.Writer, id.N), fmt.Sprintf("it is that of %q %d", other.Writer, other.N))
			}
			seen[got.Version] = id
			c.want(fmt.Sprintf("the value after commit %q %d", id.Writer, id.N), a.load(key).Value, []byte(value))
		}
	},
}, {
	name:    "receipts/rooms-apart",
	numbers: []int{15, 17},
	promise: "A writer's numbers are counted in each record by itself.",
	breaks:  "An instance could work in one room only: what it does in others at the same time would come too late.",
	check: func(c *trial) {
		a, w := c.open(), c.writer()
		first, second := c.key(), c.key()
		a.commit(first, broker.Commit{ID: broker.CommitID{Writer: w.id, N: 5}, Value: put("first")})
		a.commit(second, broker.Commit{ID: broker.CommitID{Writer: w.id, N: 3}, Value: put("second")})
		a.commit(second, broker.Commit{ID: broker.CommitID{Writer: w.id, N: 5}, Value: put("second again")})
		c.want("the value of the first room", a.load(first).Value, []byte("first"))
		c.want("the value of the second room", a.load(second).Value, []byte("second again"))
	},
}}

// repeat sends a commit again that was applied after since, which has to be answered
// with the receipt of then.
func (h *handle) repeat(since time.Time, key broker.Key, commit broker.Commit, receipt broker.Receipt) {
	got, err := h.try(key, commit)
	h.c.retained(since)
	if err != nil {
		h.c.fatal("the receipt of the first time", outcome(err))
	}
	h.c.want("the receipt", got, receipt)
}
