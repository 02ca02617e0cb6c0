package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spinneyio/est/broker"
)

var recordRules = []rule{{
	name:    "records/absent",
	numbers: []int{5},
	promise: "A record that was never written is the zero Record, and no error.",
	breaks:  "Nobody could be the first in a room.",
	check: func(c *trial) {
		c.want("a record that was never written", c.open().load(c.key()), broker.Record{})
	},
}, {
	name:    "records/read-back",
	numbers: []int{5, 7, 16},
	promise: "What was committed is read back by every handle, at once: value, version, position and members; version and position are the receipt's.",
	breaks:  "An instance would decide on what has long been changed, and answer clients from it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		for n := range 3 {
			value := fmt.Sprint("state ", n)
			receipt := a.commit(key, broker.Commit{
				ID: c.writer().next(), Value: put(value), Members: []broker.MemberChange{add("m", value)}, Messages: messages("1", "2"),
			})
			want := broker.Record{
				Value: []byte(value), Version: receipt.Version, At: receipt.At,
				Members: []broker.Member{{ID: "m", Data: []byte(value)}},
			}
			c.want("the record that B reads", b.load(key), want)
			c.want("the record that A reads", a.load(key), want)
		}
	},
}, {
	name:    "records/empty-is-a-value",
	numbers: []int{6},
	promise: "An empty value is a value: it comes back non-nil and empty. So does a Put of nil.",
	breaks:  "A room whose state encodes to nothing would be taken for one that doesn't exist.",
	check: func(c *trial) {
		a := c.open()
		for _, value := range [][]byte{{}, nil} {
			key := c.key()
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: broker.Change{Op: broker.Put, Value: value}})
			c.want("the value", a.load(key).Value, []byte{})
		}
	},
}, {
	name:    "records/any-bytes",
	numbers: []int{2},
	promise: "Values and the data of members are any bytes, and come back as they went in.",
	breaks:  "What an application stores in its own encoding would come back as something else.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		for _, text := range hostileBytes() {
			key := c.key()
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: put(text), Members: []broker.MemberChange{add("m", text)}})
			got := b.load(key)
			c.want("the value", string(got.Value), text)
			c.want("the list of members", got.Members, []broker.Member{{ID: "m", Data: []byte(text)}})
		}
	},
}, {
	name:    "records/sizes",
	numbers: []int{4},
	promise: "Values and the data of members have any size up to the store's limit.",
	breaks:  "A room would work until it has grown.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		for _, size := range c.sizes() {
			text := sized(size)
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: put(text)})
			c.want("the value", string(b.load(key).Value), text)
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: deletion(), Members: []broker.MemberChange{add("m", text)}})
			c.want("the list of members", b.load(key).Members, []broker.Member{{ID: "m", Data: []byte(text)}})
			a.commit(key, broker.Commit{ID: c.writer().next(), Members: []broker.MemberChange{remove("m")}})
		}
	},
}, {
	name:    "records/too-large",
	numbers: []int{4, 17},
	promise: "A value or a member's data over the store's limit is refused with ErrTooLarge, nothing of the commit is applied, and its number is unused.",
	breaks:  "A commit that can never be applied would be tried again and again, or half of it would be applied.",
	needs:   []need{needsValueLimit},
	check: func(c *trial) {
		a, key := c.open(), c.key()
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("before"), Members: []broker.MemberChange{add("m", "before")}})
		before := a.load(key)
		over := sized(c.suite.harness.Limits.Value + 1)
		for _, commit := range []broker.Commit{
			{Value: put(over), Members: []broker.MemberChange{replace("m", "after")}},
			{Value: put("after"), Members: []broker.MemberChange{replace("m", over)}},
			{Value: put("after"), Members: []broker.MemberChange{replace("m", "after"), add("n", over)}},
		} {
			commit.ID = c.writer().next()
			a.refused(key, commit, broker.ErrTooLarge)
			c.want("the record", a.load(key), before)
			a.commit(key, broker.Commit{ID: commit.ID, Value: put("instead")})
			before = a.load(key)
			c.want("the value", before.Value, []byte("instead"))
		}
	},
}, {
	name:    "records/members-in-order",
	numbers: []int{8},
	promise: "Members are sorted by ID, bytewise.",
	breaks:  "Instances that look at the same room would see different lists.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		ids := []string{"b", "a", "B", "10", "9", "\u00e9", "z", "\xff", "aa", "", "a\x00", "A", "_", "~"}
		var commit broker.Commit
		var want []broker.Member
		for _, id := range ids {
			commit.Members = append(commit.Members, add(id, "data of "+id))
			want = append(want, broker.Member{ID: id, Data: []byte("data of " + id)})
		}
		commit.ID = c.writer().next()
		a.commit(key, commit)
		c.want("the list of members", a.load(key).Members, sorted(want))
	},
}, {
	name:    "records/members-on-request",
	numbers: []int{8},
	promise: "Members are read only if they are asked for.",
	breaks:  "Each look at a room with thousands of members would carry them all.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v"), Members: []broker.MemberChange{add("m", "data")}})
		got := a.glance(key)
		c.want("the value", got.Value, []byte("v"))
		c.want("the number of members that come unasked", len(got.Members), 0)
	},
}, {
	name:    "records/without-members",
	numbers: []int{5, 6, 7, 8},
	promise: "A load without members shows the same record, but for them: as fresh, and whole.",
	breaks:  "A room looks at its record without members most of the time: it would decide on an old state, or not know where its messages are.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		c.want("a record that was never written", b.glance(key), broker.Record{})
		for _, change := range []broker.Change{put("1"), put("2"), put(""), {}, deletion(), put("3")} {
			a.commit(key, broker.Commit{
				ID: c.writer().next(), Value: change, Members: []broker.MemberChange{add("m", "data")}, Messages: messages("x"),
			})
			for _, h := range []*handle{a, b} {
				want := h.load(key)
				want.Members = nil
				c.want("the record without members", h.glance(key), want)
			}
		}
	},
}, {
	name:    "records/bytes-stay",
	numbers: []int{3},
	promise: "Bytes that were handed out never change, and neither do those that were passed in: they are shared, and read-only for both sides.",
	breaks:  "The snapshot that a room decides on would turn into another one.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		text := func(n int) string { return strings.Repeat(fmt.Sprintf("%03d.", n), 16) }
		const rounds = 50 // of like sizes, so that a pooled buffer is used again
		var passed []broker.Commit
		var kept []broker.Record
		for n := range rounds {
			commit := broker.Commit{ID: c.writer().next(), Value: put(text(n)), Members: []broker.MemberChange{add("m", text(n))}}
			passed = append(passed, commit)
			a.commit(key, commit)
			kept = append(kept, b.load(key))
		}
		for n := range rounds {
			c.want(fmt.Sprintf("the value passed in commit %d", n+1), string(passed[n].Value.Value), text(n))
			c.want(fmt.Sprintf("the member's data passed in commit %d", n+1), string(passed[n].Members[0].Data), text(n))
			c.want(fmt.Sprintf("the value loaded after commit %d", n+1), string(kept[n].Value), text(n))
			c.want(fmt.Sprintf("the list of members loaded after commit %d", n+1), kept[n].Members, []broker.Member{{ID: "m", Data: []byte(text(n))}})
		}
	},
}}

// sizes are those that have to be taken, up to the limit.
func (c *trial) sizes() (sizes []int) {
	most := c.suite.harness.Limits.Value
	if most == 0 {
		most = 64 << 10
	}
	for _, size := range []int{0, 1, 255, 256, 4095, 4096, 65535, 65536, most - 1, most} {
		if size <= most {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// hostileBytes are texts that naive stores change.
func hostileBytes() []string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	long := bytes.Repeat(all, 4)
	slices.Reverse(long)
	return append([]string{string(all), string(long), `{"a":1}`, "$-1\r\n", "*0\r\n", "\x1f\x8b\x08", "\xff\xfe", "\ufeff"}, hostileNames...)
}

// sized is a text of that many bytes, which don't repeat in a short period.
func sized(size int) string {
	b := make([]byte, size)
	x := uint32(size) + 1
	for i := range b {
		x = x*1664525 + 1013904223 // a linear congruential generator (Numerical Recipes)
		b[i] = byte(x >> 24)
	}
	return string(b)
}
