package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
)

// history is a state that a test drives through commits.
type history struct {
	testing.TB
	broker.State
}

// applied commits c, which must be applied.
func (h *history) applied(c broker.Commit) broker.Receipt {
	h.Helper()
	before := h.AppendTo(nil)
	next, receipt, err := broker.Apply(h.State, c)
	if err != nil {
		h.Fatalf("%v: %v", c.ID, err)
	}
	if !bytes.Equal(before, h.AppendTo(nil)) {
		h.Fatalf("%v: Apply changed the state that it was given", c.ID)
	}
	if bytes.Equal(before, next.AppendTo(nil)) {
		h.Fatalf("%v: nothing was applied", c.ID)
	}
	h.State = next
	return receipt
}

// repeated commits c, which was applied before.
func (h *history) repeated(c broker.Commit) broker.Receipt {
	h.Helper()
	next, receipt, err := broker.Apply(h.State, c)
	if err != nil {
		h.Fatalf("%v again: %v", c.ID, err)
	}
	h.same(next)
	return receipt
}

// refused commits c, which must not be applied, and returns the error.
func (h *history) refused(c broker.Commit) error {
	h.Helper()
	next, receipt, err := broker.Apply(h.State, c)
	if err == nil {
		h.Fatalf("%v was applied", c.ID)
	}
	if receipt != (broker.Receipt{}) {
		h.Errorf("%v: a receipt beside the error: %v", c.ID, receipt)
	}
	h.same(next)
	return err
}

func (h *history) conflict(c broker.Commit) *broker.Conflict {
	h.Helper()
	err := h.refused(c)
	conflict, ok := errors.AsType[*broker.Conflict](err)
	if !ok {
		h.Fatalf("%v: %v, want a conflict", c.ID, err)
	}
	return conflict
}

func (h *history) same(next broker.State) {
	h.Helper()
	if !bytes.Equal(h.AppendTo(nil), next.AppendTo(nil)) {
		h.Fatal("the state was changed")
	}
}

func id(writer string, n uint64) broker.CommitID { return broker.CommitID{Writer: writer, N: n} }

func put(v string) broker.Change { return broker.Change{Op: broker.Put, Value: []byte(v)} }

func messages(bodies ...string) (m [][]byte) {
	for _, b := range bodies {
		m = append(m, []byte(b))
	}
	return m
}

func add(id string) broker.MemberChange {
	return broker.MemberChange{Op: broker.Add, ID: id, Data: []byte("data of " + id)}
}

func require(id string) broker.MemberChange {
	return broker.MemberChange{Op: broker.Require, ID: id}
}

func remove(id string) broker.MemberChange { return broker.MemberChange{Op: broker.Remove, ID: id} }

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Rules 5 and 6.
func TestAbsentAndEmptyValues(t *testing.T) {
	h := &history{TB: t}
	if r := h.Record(true); r.Value != nil || r.Version != "" || r.At != (broker.Position{}) || r.Members != nil {
		t.Errorf("a record that was never written: %+v", r)
	}
	for n, v := range [][]byte{{}, nil} {
		h.applied(broker.Commit{ID: id("a", uint64(n+1)), Value: broker.Change{Op: broker.Put, Value: v}})
		if r := h.Record(false); r.Value == nil || len(r.Value) != 0 {
			t.Errorf("after a Put of %#v the value is %#v, want an empty one", v, r.Value)
		}
	}
	h.applied(broker.Commit{ID: id("a", 3), Value: broker.Change{Op: broker.Delete}})
	if r := h.Record(false); r.Value != nil {
		t.Errorf("after Delete the value is %q", r.Value)
	}
}

// Rules 8 and 11: what each operation does, and which need the member.
func TestMembers(t *testing.T) {
	h := &history{TB: t}
	h.applied(broker.Commit{ID: id("a", 1), Members: []broker.MemberChange{add("z"), add("m"), add("\xff"), add("")}})
	var ids []string
	for _, m := range h.Record(true).Members {
		ids = append(ids, m.ID)
		want(t, "data of "+m.ID, string(m.Data), "data of "+m.ID)
	}
	if !slices.Equal(ids, []string{"", "m", "z", "\xff"}) {
		t.Errorf("members %q, want them sorted", ids)
	}
	if m := h.Record(false).Members; m != nil {
		t.Errorf("members that nobody asked for: %v", m)
	}

	h.applied(broker.Commit{ID: id("a", 2), Members: []broker.MemberChange{
		remove("z"), require(""),
		{Op: broker.Replace, ID: "m", Data: []byte("replaced")},
		{Op: broker.Add, ID: "\xff", Data: []byte("added again")},
	}})
	want(t, "members", fmt.Sprintf("%s", h.Record(true).Members), "[{ data of } {m replaced} {\xff added again}]")

	conflict := h.conflict(broker.Commit{ID: id("a", 3), Value: put("v"), Messages: messages("m"), Members: []broker.MemberChange{
		remove("z"), require("y"), require("m"), add("new"), {Op: broker.Replace, ID: "x"},
	}})
	if !slices.Equal(conflict.Gone, []string{"x", "y", "z"}) {
		t.Errorf("gone: %q, want x, y, z", conflict.Gone)
	}
	if !strings.Contains(conflict.Error(), "x, y, z") {
		t.Errorf("the error does not say who is gone: %v", conflict)
	}
}

// Rules 11 and 12: the expected version, also for commits that keep the value.
func TestExpect(t *testing.T) {
	h := &history{TB: t}
	none, other := broker.Version(""), broker.Version("other-1")
	keep := h.applied(broker.Commit{ID: id("a", 1), Expect: &none, Messages: messages("m")})
	want(t, "version after a commit that keeps", keep.Version, none)

	first := h.applied(broker.Commit{ID: id("a", 2), Expect: &none, Value: put("1")}).Version
	for _, c := range []broker.Commit{
		{Expect: &none, Value: put("2")},
		{Expect: &other, Value: put("2")},
		{Expect: &other, Value: broker.Change{Op: broker.Delete}},
		{Expect: &other, Messages: messages("m"), Members: []broker.MemberChange{add("x")}},
		{Expect: &other},
	} {
		c.ID = id("b", 1)
		conflict := h.conflict(c)
		want(t, "the conflict's value", string(conflict.Record.Value), "1")
		want(t, "the conflict's version", conflict.Record.Version, first)
		want(t, "the conflict's position", conflict.Record.At, keep.At)
		if conflict.Gone != nil || conflict.Record.Members != nil {
			t.Errorf("the conflict has members: %+v", conflict)
		}
	}
	h.applied(broker.Commit{ID: id("b", 1), Expect: &first})
	h.applied(broker.Commit{ID: id("b", 2), Value: put("any version")})

	both := h.conflict(broker.Commit{ID: id("b", 3), Expect: &first, Members: []broker.MemberChange{require("x")}})
	want(t, "gone beside a moved version", strings.Join(both.Gone, " "), "x")
	want(t, "the conflict's value", string(both.Record.Value), "any version")
}

// Rules 13 and 14: who moves the version, and that none comes twice.
func TestVersions(t *testing.T) {
	h := &history{TB: t}
	seen := map[broker.Version]bool{"": true}
	now := broker.Version("")
	steps := []struct {
		name  string
		c     broker.Commit
		moves bool
	}{
		{"members", broker.Commit{Members: []broker.MemberChange{add("x")}}, false},
		{"put", broker.Commit{Value: put("v")}, true},
		{"put of the same", broker.Commit{Value: put("v")}, true},
		{"messages", broker.Commit{Messages: messages("m")}, false},
		{"delete", broker.Commit{Value: broker.Change{Op: broker.Delete}}, true},
		{"delete of nothing", broker.Commit{Value: broker.Change{Op: broker.Delete}}, true},
		{"put after delete", broker.Commit{Value: put("v")}, true},
		{"nothing", broker.Commit{}, false},
	}
	for i, step := range steps {
		step.c.ID = id("a", uint64(i+1))
		receipt := h.applied(step.c)
		want(t, step.name+": the record's version", h.Record(false).Version, receipt.Version)
		if moved := receipt.Version != now; moved != step.moves {
			t.Errorf("%s: moved the version: %v, want %v", step.name, moved, step.moves)
		}
		if step.moves && seen[receipt.Version] {
			t.Errorf("%s: the version %q has been there before", step.name, receipt.Version)
		}
		now, seen[receipt.Version] = receipt.Version, true
	}
	want(t, "members after a delete", len(h.Record(true).Members), 1)

	// A number can't be taken for a part of the writer.
	names := map[string]broker.CommitID{}
	for _, id := range []broker.CommitID{id("a-1", 2), id("a", 12), id("a-", 12), id("a-1-", 2), id("a", 1)} {
		r := (&history{TB: t}).applied(broker.Commit{ID: id, Value: put("")})
		for _, name := range []string{"version " + string(r.Version), "epoch " + r.At.Epoch} {
			if other, ok := names[name]; ok {
				t.Errorf("%v and %v have the same %s", id, other, name)
			}
			names[name] = id
		}
	}
}

// Rule 15: the first receipt, however much was committed since, and before all
// other checks.
func TestRepeatedCommit(t *testing.T) {
	h := &history{TB: t}
	h.applied(broker.Commit{ID: id("other", 1), Members: []broker.MemberChange{add("x")}})
	none := broker.Version("")
	c := broker.Commit{ID: id("a", 7), Expect: &none, Value: put("v"), Messages: messages("1", "2"), Members: []broker.MemberChange{remove("x")}}
	first := h.applied(c)
	for i := range 1000 {
		h.applied(broker.Commit{ID: id(fmt.Sprint("foreign", i), 1), Value: put("w"), Messages: messages("m")})
	}
	want(t, "the receipt", h.repeated(c), first) // although x is gone and the version has moved
	want(t, "the receipt", h.repeated(broker.Commit{ID: c.ID}), first)
}

// Rule 16.
func TestReceipts(t *testing.T) {
	h := &history{TB: t}
	first := h.applied(broker.Commit{ID: id("a", 1)})
	want(t, "a first commit without messages", first, broker.Receipt{At: broker.Position{Epoch: first.At.Epoch}})
	if first.At.Epoch == "" {
		t.Error("no epoch has begun")
	}
	second := h.applied(broker.Commit{ID: id("b", 1), Value: put("v"), Messages: messages("1", "2", "3")})
	want(t, "its last message", second.At.Seq, 3)
	third := h.applied(broker.Commit{ID: id("a", 2)})
	want(t, "a commit without messages", third, second)
	want(t, "the record's position", h.Record(false).At, second.At)
	fourth := h.applied(broker.Commit{ID: id("c", 1), Messages: messages("4")})
	want(t, "its last message", fourth.At, broker.Position{Epoch: first.At.Epoch, Seq: 4})
}

// Rule 17, and that it comes before members and version (rule 10).
func TestSmallerNumber(t *testing.T) {
	h := &history{TB: t}
	h.applied(broker.Commit{ID: id("a", 1), Value: put("1")})
	h.applied(broker.Commit{ID: id("a", 5), Value: put("5")})
	h.applied(broker.Commit{ID: id("b", 2), Value: put("b")})
	other := broker.Version("other")
	for _, n := range []uint64{1, 4} {
		err := h.refused(broker.Commit{ID: id("a", n), Expect: &other, Members: []broker.MemberChange{require("x")}})
		if !errors.Is(err, broker.ErrStale) {
			t.Errorf("number %d after 5: %v, want ErrStale", n, err)
		}
	}
	h.conflict(broker.Commit{ID: id("a", 6), Expect: &other})
	h.applied(broker.Commit{ID: id("a", 6), Value: put("6")}) // the conflict has not used it up
}

// A commit is copied nowhere, but an append by a reader must not write into it.
func TestValueIsClipped(t *testing.T) {
	h := &history{TB: t}
	h.applied(broker.Commit{ID: id("a", 1), Value: broker.Change{Op: broker.Put, Value: make([]byte, 1, 8)},
		Members: []broker.MemberChange{{Op: broker.Add, ID: "x", Data: make([]byte, 1, 8)}}})
	r := h.Record(true)
	if cap(r.Value) != 1 || cap(r.Members[0].Data) != 1 {
		t.Errorf("capacities %d and %d, want 1", cap(r.Value), cap(r.Members[0].Data))
	}
}

func TestInvalidCommits(t *testing.T) {
	h := &history{TB: t}
	h.applied(broker.Commit{ID: id("a", 5), Members: []broker.MemberChange{add("x"), add("y")}})
	for _, test := range []struct {
		says string // what to do
		c    broker.Commit
	}{
		{"draw one at random", broker.Commit{ID: id("", 1)}},
		{"counts from 1", broker.Commit{ID: id("a", 0)}},
		{"use Put", broker.Commit{ID: id("a", 6), Value: broker.Change{Value: []byte{}}}},
		{"use Put", broker.Commit{ID: id("a", 6), Value: broker.Change{Op: broker.Delete, Value: []byte("v")}}},
		{"use Keep, Put or Delete", broker.Commit{ID: id("a", 6), Value: broker.Change{Op: 3}}},
		{"use Add or Replace", broker.Commit{ID: id("a", 6), Members: []broker.MemberChange{{Op: broker.Require, ID: "x", Data: []byte{}}}}},
		{"use Add or Replace", broker.Commit{ID: id("a", 6), Members: []broker.MemberChange{{Op: broker.Remove, ID: "x", Data: []byte{}}}}},
		{"use Require, Add, Replace or Remove", broker.Commit{ID: id("a", 6), Members: []broker.MemberChange{{Op: 4, ID: "x"}}}},
		{"make one change", broker.Commit{ID: id("a", 6), Members: []broker.MemberChange{require("x"), add("y"), remove("x")}}},
		{"counts from 1", broker.Commit{ID: id("b", 0), Members: []broker.MemberChange{require("gone")}}}, // before the members
		{"use Put", broker.Commit{ID: id("a", 5), Value: broker.Change{Value: []byte{}}}},                 // before the known id
		{"use Put", broker.Commit{ID: id("a", 4), Value: broker.Change{Value: []byte{}}}},                 // before the smaller number
	} {
		err := h.refused(test.c)
		if !errors.Is(err, broker.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want ErrInvalid that says %q", test.c, err, test.says)
		}
		if validate := test.c.Validate(); validate == nil || validate.Error() != err.Error() {
			t.Errorf("%+v: Validate says %v", test.c, validate)
		}
	}
}
