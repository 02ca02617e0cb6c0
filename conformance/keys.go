package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
)

var keyRules = []rule{{
	name:    "keys/records-apart",
	numbers: []int{1, 2},
	promise: "Different keys are different records, whatever bytes they hold: separators, patterns, escapes, other letters' case, invalid UTF-8, nothing at all.",
	breaks:  "Two rooms would share a state, so somebody who picks the name of a room would read and write another one.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		keys := c.hostileKeys()
		for _, key := range keys {
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: put(longName(key))})
		}
		for _, key := range keys {
			c.want(fmt.Sprintf("the value of %q", key), b.load(key).Value, []byte(longName(key)))
		}
	},
}, {
	name:    "keys/members-apart",
	numbers: []int{2},
	promise: "IDs of members are any bytes, and different ones are different members.",
	breaks:  "A connection could leave in another one's name.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		var want []broker.Member
		for i, id := range hostileNames {
			data := fmt.Sprint(i)
			a.commit(key, broker.Commit{ID: c.writer().next(), Members: []broker.MemberChange{add(id, data)}})
			want = append(want, broker.Member{ID: id, Data: []byte(data)})
		}
		c.want("the list of members", a.load(key).Members, sorted(want))
	},
}, {
	name:    "keys/longest",
	numbers: []int{4},
	promise: "A key as long as the store's limit has a record as any other has; two that differ in the last byte are two.",
	breaks:  "A room with a long name could not be entered, or would be another one.",
	check: func(c *trial) {
		a := c.open()
		padding := strings.Repeat("k", c.longestKey()-len(c.namespace)-1)
		for _, last := range []string{"1", "2"} {
			key := c.keyOf(broker.Key{Namespace: c.namespace, Room: padding + last})
			a.commit(key, broker.Commit{ID: c.writer().next(), Expect: expect(""), Value: put(last)})
			c.want("the value", a.load(key).Value, []byte(last))
		}
	},
}, {
	name:    "keys/long-ids",
	numbers: []int{2, 4, 15},
	promise: "The ID of a member, and a writer, may be as long as the longest key; two that differ in the last byte are two.",
	breaks:  "An instance lists the rooms that it serves as members of a record of its own: it could not enter one with a long name.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		began := time.Now()
		most := c.longestKey()
		padding := strings.Repeat("i", most-1)
		writer := c.writer().id
		writer += strings.Repeat("w", most-1-len(writer))
		var want []broker.Member
		for _, last := range []string{"1", "2"} {
			commit := broker.Commit{ID: broker.CommitID{Writer: writer + last, N: 1}, Members: []broker.MemberChange{add(padding+last, last)}}
			receipt := a.commit(key, commit)
			want = append(want, broker.Member{ID: padding + last, Data: []byte(last)})
			c.want("the list of members", a.load(key).Members, want)
			a.repeat(began, key, commit, receipt)
		}
	},
}, {
	name:    "keys/too-long",
	numbers: []int{4},
	promise: "A key over the store's limit is refused with ErrTooLarge by Load, Commit and Subscribe.",
	breaks:  "Who makes up a long name of a room would be let wait, or find the names cut and share rooms.",
	needs:   []need{needsKeyLimit},
	check: func(c *trial) {
		a := c.open()
		key := broker.Key{Namespace: c.namespace}
		key.Room = strings.Repeat("k", c.suite.harness.Limits.Key-len(key.Namespace)+1)
		ctx, cancel := c.bounded()
		defer cancel()
		c.note("the key of these calls has %d bytes", len(key.Namespace)+len(key.Room))
		a.callsFail(ctx, key, broker.ErrTooLarge)
	},
}}

// longName is different for any two keys.
func longName(k broker.Key) string {
	return fmt.Sprintf("%d %q %q", len(k.Namespace), k.Namespace, k.Room)
}

// separators are what naive stores put between namespace and room, or inside of
// what they escape.
var separators = []string{".", ":", "/", "-", "_", "|", "\x00", "\n", "%", "{", "}", "\x1f", ","}

// hostileNames are those that naive stores mix up, or take for something else.
var hostileNames = []string{
	"", " ", "  ", "a", "A", " a", "a ", "a/", "/a", "./a", "../a", ".", "..", "\x00", "\x00\x00", "a\x00", "\t", "\r\n",
	"*", "a*", "?", "[a]", "[^b]", "\\*", ">", "a.>", "a.*", "$a", "#", "+", "%", "_",
	"{a}", "{}", "}{", "{a", "a}", "%7B", "%61", "%2561", "a%2Eb", "+a", "=61", "&amp;", "'", `"`, "`", ";", "''; --",
	"\u00e9", "e\u0301", "\u212b", "\u00c5", "\ufeffa", "\U0001f9e6", "\xff", "\xfe", "\xed\xa0\x80", "\ufffd",
	"0", "00", "-0", "1", "01", "1.0", "nil", "null", "true",
}

// hostileKeys are keys that differ, but not for a naive store, as far as they are
// within its limit.
func (c *trial) hostileKeys() (keys []broker.Key) {
	most := c.longestKey()
	try := func(namespace, room string) {
		if len(namespace)+len(room) <= most {
			keys = append(keys, c.keyOf(broker.Key{Namespace: namespace, Room: room}))
		}
	}
	for _, name := range hostileNames {
		try(c.namespace, name)
	}
	for _, s := range separators {
		try(c.namespace+s+"a", "b")
		try(c.namespace, "a"+s+"b")
		try(c.namespace, s+"a"+s+"b")
	}
	try("", c.namespace)
	try(c.namespace+"a", "")
	return keys
}

// longestKey is how many bytes a key may have.
func (c *trial) longestKey() int {
	if most := c.suite.harness.Limits.Key; most > 0 {
		return most
	}
	return 256
}

// sorted sorts members by ID, bytewise.
func sorted(members []broker.Member) []broker.Member {
	slices.SortFunc(members, func(a, b broker.Member) int { return strings.Compare(a.ID, b.ID) })
	return members
}
