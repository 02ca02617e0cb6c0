package broker

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A table does what a map does, and earlier ones stay what they were.
func TestTableIsAPersistentMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			table table[int]
			want  map[string]int
		}
		keys := rapid.SampledFrom([]int{5, 300, 2000}).Draw(t, "keys")
		versions := []version{{want: map[string]int{}}}
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			from := versions[len(versions)-1-min(len(versions)-1, rapid.SampledFrom([]int{0, 0, 0, 1, 5}).Draw(t, "back"))]
			next := version{want: maps.Clone(from.want)}
			removing := rapid.Bool().Draw(t, "removing")
			changes := map[string]edit[int]{}
			for range rapid.SampledFrom([]int{0, 1, 2, 64, 700}).Draw(t, "edits") {
				key := fmt.Sprint(rapid.IntRange(0, keys).Draw(t, "key"))
				changes[key] = edit[int]{key: key, value: step, remove: removing}
			}
			for key := range changes {
				if next.want[key] = step; removing {
					delete(next.want, key)
				}
			}
			edits := slices.Collect(maps.Values(changes))
			sortEdits(edits)
			next.table = from.table.with(edits)
			versions = append(versions, next)
		}
		for _, v := range versions {
			checkTable(t, v.table, v.want)
		}
	})
}

func checkTable(t *rapid.T, got table[int], want map[string]int) {
	if got.size != len(want) {
		t.Fatalf("size %d, want %d", got.size, len(want))
	}
	if all := maps.Collect(got.all()); !maps.Equal(all, want) {
		t.Fatalf("got %v, want %v", all, want)
	}
	last, first := "", true
	for key, value := range got.all() {
		if v, ok := got.get(key); !ok || v != value {
			t.Fatalf("%q is in it, but get says %v, %v", key, v, ok)
		}
		if _, ok := got.get(key + "!"); ok {
			t.Fatalf("%q is in it", key+"!")
		}
		if !first && key <= last {
			t.Fatalf("%q after %q", key, last)
		}
		last, first = key, false
	}
	for i, chunk := range got.chunks {
		if len(chunk) == 0 || len(chunk) > chunkMax {
			t.Fatalf("a chunk of %d", len(chunk))
		}
		if i > 0 && len(got.chunks[i-1])+len(chunk) <= chunkMax/2 {
			t.Fatalf("neighbours of %d and %d", len(got.chunks[i-1]), len(chunk))
		}
	}
}

// With 10,000 members, a commit that requires one copies none, and one that
// changes one copies a chunk.
func TestManyMembersAreShared(t *testing.T) {
	c := Commit{ID: CommitID{"a", 1}}
	for i := range 10_000 {
		c.Members = append(c.Members, MemberChange{Op: Add, ID: fmt.Sprintf("%05d", i)})
	}
	s, _, err := Apply(State{}, c)
	if err != nil {
		t.Fatal(err)
	}
	required, _, err := Apply(s, Commit{ID: CommitID{"a", 2}, Members: []MemberChange{{Op: Require, ID: "05000"}}})
	if err != nil || &required.members.chunks[0] != &s.members.chunks[0] {
		t.Errorf("Require made another list of chunks, or failed: %v", err)
	}
	removed, _, err := Apply(s, Commit{ID: CommitID{"a", 2}, Members: []MemberChange{{Op: Remove, ID: "05000"}}})
	if err != nil || len(removed.members.chunks) != len(s.members.chunks) {
		t.Fatalf("%d chunks became %d: %v", len(s.members.chunks), len(removed.members.chunks), err)
	}
	copied := 0
	for i, chunk := range removed.members.chunks {
		if &chunk[0] != &s.members.chunks[i][0] {
			copied++
		}
	}
	if copied != 1 {
		t.Errorf("%d chunks of %d were copied, want 1", copied, len(s.members.chunks))
	}
}
