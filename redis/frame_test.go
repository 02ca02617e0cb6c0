package redis

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// published is what the script makes of a frame.
func published(before uint64, epoch, version string, frame []byte) string {
	return fmt.Sprintf("%d %d %d %s%s%s", len(epoch), len(version), before, epoch, version, frame)
}

func TestFrame(t *testing.T) {
	text := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
	rapid.Check(t, func(t *rapid.T) {
		c := broker.Commit{
			ID:       broker.CommitID{Writer: text.Draw(t, "writer"), N: rapid.Uint64().Draw(t, "number")},
			Messages: rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "messages"),
		}
		before, epoch, version := rapid.Uint64().Draw(t, "before"), text.Draw(t, "epoch"), text.Draw(t, "version")
		whole := published(before, epoch, version, newFrame(c))
		d, err := parseFrame(whole)
		if err != nil {
			t.Fatal(err)
		}
		if d.Commit != c.ID || d.Before != before || d.Epoch != epoch || string(d.Version) != version || !slices.EqualFunc(d.Bodies, c.Messages, bytes.Equal) {
			t.Fatalf("%+v came back as %+v", c, d)
		}
		for _, body := range d.Bodies {
			if cap(body) != len(body) {
				t.Fatal("an append to a body writes into the next one")
			}
		}
		// What was cut off is either refused or has fewer messages.
		short, err := parseFrame(whole[:rapid.IntRange(0, len(whole)-1).Draw(t, "length")])
		if err == nil && len(short.Bodies) >= len(d.Bodies) {
			t.Fatalf("a part of %q is %+v", whole, short)
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	whole := published(7, "w-1", "w-2", newFrame(broker.Commit{ID: broker.CommitID{Writer: "w", N: 3}, Messages: [][]byte{[]byte("body"), nil}}))
	for _, seed := range []string{
		"", " ", "   ", "hello", "0 0 0 ", "1 1 0 ", "-1 0 0 ", "18446744073709551615 1 0 ab", "18446744073709551616 0 0 ",
		"0 0 0 \xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "0 0 0 \x00\x80", whole, whole[:len(whole)-1],
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseFrame(string(b))
		if err != nil {
			return
		}
		size := len(d.Epoch) + len(d.Version) + len(d.Commit.Writer)
		for _, body := range d.Bodies {
			size += len(body)
		}
		if size > len(b) {
			t.Errorf("%d bytes came out of %d", size, len(b))
		}
		// What it says is said by one frame at least.
		again, err := parseFrame(published(d.Before, d.Epoch, string(d.Version), newFrame(broker.Commit{ID: d.Commit, Messages: d.Bodies})))
		if err != nil || !same(again, d) {
			t.Errorf("%+v came back as %+v, %v", d, again, err)
		}
	})
}

func same(a, b *inbox.Delivery) bool {
	return a.Commit == b.Commit && a.Version == b.Version && a.Epoch == b.Epoch && a.Before == b.Before && slices.EqualFunc(a.Bodies, b.Bodies, bytes.Equal)
}
