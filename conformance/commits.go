package conformance

import (
	"slices"

	"github.com/spinneyio/est/broker"
)

var commitRules = slices.Concat(changeRules, batchRules)

// changeRules are about what a commit does.
var changeRules = []rule{{
	name:    "commits/invalid",
	numbers: []int{9, 10},
	promise: "A commit that breaks the rules of its form is refused with ErrInvalid, and changes nothing.",
	breaks:  "A mistake of the caller would be stored, or turn into something else.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v"), Members: []broker.MemberChange{add("m", "data")}})
		before := a.load(key)
		w := c.writer()
		for _, commit := range []broker.Commit{
			{ID: broker.CommitID{N: 1}, Value: put("w")},
			{ID: broker.CommitID{Writer: w.id}, Value: put("w")},
			{ID: w.next(), Value: broker.Change{Op: 9}},
			{ID: w.next(), Value: broker.Change{Op: broker.Keep, Value: []byte("w")}},
			{ID: w.next(), Value: broker.Change{Op: broker.Delete, Value: []byte("w")}},
			{ID: w.next(), Value: put("w"), Members: []broker.MemberChange{{Op: 9, ID: "m"}}},
			{ID: w.next(), Value: put("w"), Members: []broker.MemberChange{{Op: broker.Require, ID: "m", Data: []byte("d")}}},
			{ID: w.next(), Value: put("w"), Members: []broker.MemberChange{{Op: broker.Remove, ID: "m", Data: []byte("d")}}},
			{ID: w.next(), Value: put("w"), Members: []broker.MemberChange{require("m"), replace("m", "d")}},
		} {
			a.refused(key, commit, broker.ErrInvalid)
			c.want("the record", a.load(key), before)
		}
	},
}, {
	name:    "commits/expected-version",
	numbers: []int{11},
	promise: "A commit that expects a version is applied if the record has that one, and one that expects nothing in any case. If not, the answer is a Conflict with the record as it is, without members, and nothing changes.",
	breaks:  "What another instance has just done would be overwritten.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		first := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("1"), Members: []broker.MemberChange{add("m", "data")}})
		second := b.commit(key, broker.Commit{ID: c.writer().next(), Expect: expect(first.Version), Value: put("2"), Messages: messages("x")})
		before := b.load(key)
		got := a.conflict(key, broker.Commit{ID: c.writer().next(), Expect: expect(first.Version), Value: put("3")})
		c.want("the conflict", got, &broker.Conflict{Record: broker.Record{Value: []byte("2"), Version: second.Version, At: second.At}})
		c.want("the record", b.load(key), before)
	},
}, {
	name:    "commits/expect-none",
	numbers: []int{11, 14},
	promise: "A commit that expects the version \"\" is applied only if nobody has put or deleted the value; members and messages don't count.",
	breaks:  "Two instances would both be the first in a room.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		a.commit(key, broker.Commit{ID: c.writer().next(), Expect: expect(""), Members: []broker.MemberChange{add("m", "data")}, Messages: messages("x")})
		put1 := a.commit(key, broker.Commit{ID: c.writer().next(), Expect: expect(""), Value: put("1")})
		got := a.conflict(key, broker.Commit{ID: c.writer().next(), Expect: expect(""), Value: put("2")})
		c.want("the version in the conflict", got.Record.Version, put1.Version)
		deleted := a.commit(key, broker.Commit{ID: c.writer().next(), Value: deletion()})
		got = a.conflict(key, broker.Commit{ID: c.writer().next(), Expect: expect(""), Value: put("3")})
		c.want("the version in the conflict", got.Record.Version, deleted.Version)
	},
}, {
	name:    "commits/keep-is-checked",
	numbers: []int{12},
	promise: "A commit that keeps the value is checked as any other.",
	breaks:  "A decision that only reads would be answered although it was made on an old state.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		old := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("1")})
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("2")})
		for _, commit := range []broker.Commit{
			{},
			{Messages: messages("x")},
			{Members: []broker.MemberChange{add("m", "data")}},
		} {
			commit.ID, commit.Expect = c.writer().next(), expect(old.Version)
			a.conflict(key, commit)
		}
		c.want("the number of members", len(a.load(key).Members), 0)
	},
}, {
	name:    "commits/version-moves",
	numbers: []int{13},
	promise: "Put and Delete move the version, also a Put of the same bytes and a Delete of nothing.",
	breaks:  "What was decided before them would be taken for decided after them.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		seen := map[broker.Version]bool{"": true}
		for _, change := range []broker.Change{put("v"), put("v"), deletion(), deletion(), put(""), put(""), put("v")} {
			got := a.commit(key, broker.Commit{ID: c.writer().next(), Value: change}).Version
			if seen[got] {
				c.fatal("a version that the record hasn't had", "version "+c.show(got)+" again")
			}
			seen[got] = true
			c.want("the record's version", a.load(key).Version, got)
		}
	},
}, {
	name:    "commits/version-stays",
	numbers: []int{13, 21},
	promise: "Members and messages don't move the version.",
	breaks:  "Each join and each message would make everybody else decide again.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		w := c.writer()
		want := a.commit(key, broker.Commit{ID: w.next(), Value: put("v")}).Version
		for _, commit := range []broker.Commit{
			{Members: []broker.MemberChange{add("m", "1")}},
			{Members: []broker.MemberChange{replace("m", "2")}},
			{Members: []broker.MemberChange{require("m")}, Messages: messages("x", "y")},
			{Members: []broker.MemberChange{remove("m")}},
			{},
		} {
			commit.ID, commit.Expect = w.next(), expect(want)
			c.want("the receipt's version", a.commit(key, commit).Version, want)
			c.want("the record's version", a.load(key).Version, want)
		}
	},
}, {
	name:    "commits/same-value-again",
	numbers: []int{11, 14},
	promise: "A version that was put before, deleted or overwritten, and put again with the same bytes is not the old version.",
	breaks:  "A decision on a state from before a purge would win against what came after it (ABA).",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		old := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v")})
		for _, between := range []broker.Change{put("w"), deletion()} {
			b.commit(key, broker.Commit{ID: c.writer().next(), Value: between})
			b.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v")})
			a.conflict(key, broker.Commit{ID: c.writer().next(), Expect: expect(old.Version), Value: put("x")})
			c.want("the value", a.load(key).Value, []byte("v"))
		}
	},
}, {
	name:    "commits/delete",
	numbers: []int{14},
	promise: "Delete removes the value and nothing else: members and position stay.",
	breaks:  "Who purges a room's state would throw everybody out, and their messages would be taken for old ones.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		receipt := a.commit(key, broker.Commit{
			ID: c.writer().next(), Value: put("v"), Members: []broker.MemberChange{add("m", "data")}, Messages: messages("x", "y"),
		})
		deleted := a.commit(key, broker.Commit{ID: c.writer().next(), Value: deletion()})
		c.want("the record", a.load(key), broker.Record{
			Version: deleted.Version, At: receipt.At, Members: []broker.Member{{ID: "m", Data: []byte("data")}},
		})
	},
}, {
	name:    "commits/members",
	numbers: []int{9, 11},
	promise: "Add makes a member or changes its data, Replace changes it, Remove takes it out, Require leaves it; several in one commit are made together.",
	breaks:  "Presence would show who is not there.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		for _, x := range []struct {
			changes []broker.MemberChange
			want    []broker.Member
		}{
			{[]broker.MemberChange{add("a", "1"), add("b", "1"), add("c", "1"), add("d", "")}, list("a", "1", "b", "1", "c", "1", "d", "")},
			{[]broker.MemberChange{add("a", "2")}, list("a", "2", "b", "1", "c", "1", "d", "")},
			{[]broker.MemberChange{require("b")}, list("a", "2", "b", "1", "c", "1", "d", "")},
			{[]broker.MemberChange{replace("b", "2"), remove("c"), require("a"), add("e", "1")}, list("a", "2", "b", "2", "d", "", "e", "1")},
			{[]broker.MemberChange{remove("a"), remove("b"), remove("d"), remove("e")}, nil},
			{[]broker.MemberChange{add("a", "3")}, list("a", "3")},
		} {
			a.commit(key, broker.Commit{ID: c.writer().next(), Members: x.changes})
			c.want("the list of members", b.load(key).Members, x.want)
		}
	},
}, {
	name:    "commits/gone",
	numbers: []int{11},
	promise: "Require, Replace and Remove need their member: if any is missing, the answer is a Conflict that names all that are, sorted, and nothing changes.",
	breaks:  "A connection that was taken for dead would go on changing the room; or one such would fail all others in its batch, since nobody knows which it is.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		receipt := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v"), Members: []broker.MemberChange{add("here", "data")}})
		before := a.load(key)
		record := broker.Record{Value: []byte("v"), Version: receipt.Version, At: receipt.At}
		for _, x := range []struct {
			changes []broker.MemberChange
			gone    []string
		}{
			{[]broker.MemberChange{require("x")}, []string{"x"}},
			{[]broker.MemberChange{replace("x", "data")}, []string{"x"}},
			{[]broker.MemberChange{remove("x")}, []string{"x"}},
			{
				[]broker.MemberChange{remove("z"), add("new", "data"), require("here"), replace("b", "d"), require("\xff"), require("10"), require("9")},
				[]string{"10", "9", "b", "z", "\xff"},
			},
		} {
			got := a.conflict(key, broker.Commit{ID: c.writer().next(), Value: put("w"), Members: x.changes})
			c.want("the conflict", got, &broker.Conflict{Record: record, Gone: x.gone})
			c.want("the record", a.load(key), before)
		}
	},
}, {
	name:    "commits/gone-and-moved",
	numbers: []int{10, 11},
	promise: "Needed members and the expected version are checked together: one Conflict tells of both.",
	breaks:  "Which members are gone would be found out one conflict later, and they would be decided for once more.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		receipt := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v")})
		got := a.conflict(key, broker.Commit{
			ID: c.writer().next(), Expect: expect(""), Value: put("w"), Members: []broker.MemberChange{require("x"), remove("a")},
		})
		c.want("the conflict", got, &broker.Conflict{
			Record: broker.Record{Value: []byte("v"), Version: receipt.Version, At: receipt.At}, Gone: []string{"a", "x"},
		})
	},
}}

// list is members, of IDs and data in turn.
func list(idsAndData ...string) (members []broker.Member) {
	for i := 0; i < len(idsAndData); i += 2 {
		members = append(members, broker.Member{ID: idsAndData[i], Data: []byte(idsAndData[i+1])})
	}
	return members
}
