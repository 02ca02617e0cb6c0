package redis

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// published is what the script makes of a commit's messages.
func published(before uint64, epoch, version string, c broker.Commit) string {
	return fmt.Sprintf("%s %d %s %s %s", epoch, before, version, named(c.ID), pack(c.Messages))
}

func named(id broker.CommitID) string { return nameOf(id, strconv.FormatUint(id.N, 10)) }

func TestFrame(t *testing.T) {
	// Few characters, so that names which could be taken for each other are drawn.
	text := rapid.OneOf(
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.StringOfN(rapid.SampledFrom([]rune("% 205-+")), 0, 6, -1),
	)
	id := rapid.Custom(func(t *rapid.T) broker.CommitID {
		return broker.CommitID{Writer: text.Draw(t, "writer"), N: rapid.Uint64().Draw(t, "number")}
	})
	rapid.Check(t, func(t *rapid.T) {
		c := broker.Commit{ID: id.Draw(t, "commit"), Messages: rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "messages")}
		other := id.Draw(t, "other commit")
		if (named(other) == named(c.ID)) != (other == c.ID) {
			t.Fatalf("%+v and %+v are both %q", c.ID, other, named(other))
		}
		before, epoch, version := rapid.Uint64().Draw(t, "before"), named(other), ""
		if rapid.Bool().Draw(t, "written") {
			version = named(id.Draw(t, "writer of the value"))
		}
		whole := published(before, epoch, version, c)
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
		receipt, ok := parseReceipt(fmt.Sprintf("%s %d %s", epoch, before, version))
		if want := (broker.Receipt{Version: d.Version, At: broker.Position{Epoch: epoch, Seq: before}}); !ok || receipt != want {
			t.Fatalf("%+v came back as %+v", want, receipt)
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	whole := published(7, "w-1", "w-2", broker.Commit{ID: broker.CommitID{Writer: "% w", N: 3}, Messages: [][]byte{[]byte("body"), nil}})
	for _, seed := range []string{
		"", " ", "    ", "hello", "e 0 v w-1 ", "e 0  w-1 ", "e 0 v w-1", "e 0 v w1 ", "e 0 v -1 ", "e 0 v w- ", "e 0 v %2-1 ", "e 0 v w--1 ", "e -1 v w-1 ",
		"e 18446744073709551616 v w-1 ", "e 0 v w-18446744073709551616 ",
		"e 0 v w-1 \xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "e 0 v w-1 \x80", whole, whole[:len(whole)-1],
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
		again, err := parseFrame(published(d.Before, d.Epoch, string(d.Version), broker.Commit{ID: d.Commit, Messages: d.Bodies}))
		if err != nil || !same(again, d) {
			t.Errorf("%+v came back as %+v, %v", d, again, err)
		}
	})
}

func same(a, b *inbox.Delivery) bool {
	return a.Commit == b.Commit && a.Version == b.Version && a.Epoch == b.Epoch && a.Before == b.Before && slices.EqualFunc(a.Bodies, b.Bodies, bytes.Equal)
}
