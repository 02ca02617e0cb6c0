package redis

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/broker"
)

func (n names) all() []string { return []string{n.record, n.members, n.recent, n.older, n.topic} }

// tag is what a cluster hashes.
func tag(name string) string {
	_, rest, ok := strings.Cut(name, "{")
	text, _, end := strings.Cut(rest, "}")
	if !ok || !end || text == "" {
		return name
	}
	return text
}

// Names of different rooms differ, and those of one are in one slot.
func TestNames(t *testing.T) {
	b := &Broker{options: Options{Prefix: "p"}}
	// Few characters, so that keys which could be taken for each other are drawn.
	part := rapid.StringOfN(rapid.SampledFrom([]rune(`%:{}257BDA`)), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		one := broker.Key{Namespace: part.Draw(t, "namespace"), Room: part.Draw(t, "room")}
		other := broker.Key{Namespace: part.Draw(t, "other namespace"), Room: part.Draw(t, "other room")}
		if rapid.Bool().Draw(t, "shift") { // the same text, parted elsewhere
			text := one.Namespace + ":" + one.Room
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			other = broker.Key{Namespace: text[:at], Room: text[at+1:]}
		}
		n, m := b.names(one).all(), b.names(other).all()
		for i, name := range n {
			if tag(name) != tag(n[0]) || tag(name) == name {
				t.Fatalf("%q and %q are not in one slot", name, n[0])
			}
			if slices.Contains(n[:i], name) {
				t.Fatalf("%q is two things", name)
			}
			if one != other && slices.Contains(m, name) {
				t.Fatalf("%+v and %+v both have %q", one, other, name)
			}
		}
	})
}

func TestNamesAreAsDocumented(t *testing.T) {
	b := &Broker{options: Options{Prefix: "p"}}
	for key, want := range map[broker.Key]string{
		{Namespace: "a", Room: "b"}:     "p:r:{a:b}",
		{}:                              "p:r:{:}",
		{Namespace: "a:b", Room: "c:d"}: "p:r:{a%3Ab:c:d}",
		{Namespace: "%{}", Room: "%{}"}: "p:r:{%25%7B%7D:%25%7B%7D}",
		{Namespace: "\x00\xff", Room: "* \r\n[?]"}: "p:r:{\x00\xff:* \r\n[?]}",
	} {
		if got := b.names(key).record; got != want {
			t.Errorf("%+v is %q; want %q", key, got, want)
		}
	}
}

func TestOlderThan(t *testing.T) {
	for version, want := range map[string]bool{
		"6.0.16": true, "5.0": true, "2.8.24": true, "6.1.9": true, "6.2": false, "6.2.0": false, "6.10.1": false,
		"7.0.15": false, "8.0-m01": false, "10.0.0": false, "255.255.255": false, "": false, "7": false, "unstable": false,
	} {
		if got := olderThan(version, "6.2"); got != want {
			t.Errorf("%q is older than 6.2: %v", version, got)
		}
	}
}
