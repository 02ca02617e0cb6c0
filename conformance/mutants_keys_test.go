package conformance_test

import (
	"context"
	"path"
	"strings"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var keyMutants = []mutant{{
	name: "namespace and room are joined by a dot",
	rule: "keys/records-apart",
	harness: changedKeys(func(k broker.Key) broker.Key {
		return broker.Key{Room: k.Namespace + "." + k.Room}
	}),
}, {
	name:    "rooms are compared regardless of case",
	rule:    "keys/records-apart",
	harness: changedRooms(strings.ToLower),
}, {
	name:    "spaces at the end don't count",
	rule:    "keys/records-apart",
	harness: changedRooms(func(room string) string { return strings.TrimRight(room, " ") }),
}, {
	name:    "rooms are paths",
	rule:    "keys/records-apart",
	harness: changedRooms(path.Clean),
}, {
	name:    "rooms are strings of UTF-8",
	rule:    "keys/records-apart",
	harness: changedRooms(func(room string) string { return strings.ToValidUTF8(room, "\ufffd") }),
}, {
	name:    "rooms end with a zero byte",
	rule:    "keys/records-apart",
	harness: changedRooms(func(room string) string { return strings.TrimRight(room, "\x00") }),
}, {
	name:    "IDs of members are paths",
	rule:    "keys/members-apart",
	harness: changedMembers(func(m *broker.MemberChange) { m.ID = strings.TrimPrefix(m.ID, "./") }),
}, {
	name:    "keys are cut at 255 bytes",
	rule:    "keys/longest",
	harness: changedRooms(func(room string) string { return room[:min(len(room), 255)] }),
}, {
	name:    "IDs of members are cut at 255 bytes",
	rule:    "keys/long-ids",
	harness: changedMembers(func(m *broker.MemberChange) { m.ID = m.ID[:min(len(m.ID), 255)] }),
}, {
	name:    "writers are cut at 64 bytes",
	rule:    "keys/long-ids",
	harness: changedCommits(func(c *broker.Commit) { c.ID.Writer = c.ID.Writer[:min(len(c.ID.Writer), 64)] }),
}, {
	name: "keys that are too long are cut",
	rule: "keys/too-long",
	harness: changedKeys(func(k broker.Key) broker.Key {
		k.Room = k.Room[:min(len(k.Room), keyLimit-len(k.Namespace))]
		return k
	}),
}, {
	name: "Subscribe doesn't look at the length of the key",
	rule: "keys/too-long",
	harness: eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
		key.Room = key.Room[:min(len(key.Room), keyLimit-len(key.Namespace))]
		return b.Subscribe(ctx, key, h)
	}}),
}}

// changedKeys is the good broker but that all keys go through change.
func changedKeys(change func(broker.Key) broker.Key) func() conformance.Harness {
	return eachMemory(twist{
		load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
			return b.Load(ctx, change(key), members)
		},
		commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			return b.Commit(ctx, change(key), c)
		},
		subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			return b.Subscribe(ctx, change(key), h)
		},
	})
}

// changedRooms is the good broker but that all names of rooms go through change.
func changedRooms(change func(string) string) func() conformance.Harness {
	return changedKeys(func(k broker.Key) broker.Key {
		k.Room = change(k.Room)
		return k
	})
}
