package broker_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/spinneyio/est/broker"
)

// Rule 18: one to two retention times, and from a writer's last commit.
func TestAgeForgetsReceipts(t *testing.T) {
	h := &history{TB: t}
	a := broker.Commit{ID: id("a", 5), Value: put("a")}
	b := broker.Commit{ID: id("b", 5), Value: put("b")}
	receipt := h.applied(a)
	h.applied(b)
	h.State = h.Age()
	want(t, "the receipt after one Age", h.repeated(a), receipt)
	if err := h.refused(broker.Commit{ID: id("a", 4)}); !errors.Is(err, broker.ErrStale) {
		t.Errorf("a smaller number after one Age: %v, want ErrStale", err)
	}

	b.ID.N = 6
	receipt = h.applied(b) // b is heard of again, a is not: a repetition doesn't count
	want(t, "receipts", h.Receipts(), 2)
	h.State = h.Age()
	want(t, "receipts", h.Receipts(), 1)
	want(t, "the receipt of b after one Age", h.repeated(b), receipt)
	h.applied(broker.Commit{ID: id("a", 4)}) // its number is forgotten with its receipt
}

// Rules 19 and 22.
func TestForgottenRecord(t *testing.T) {
	value := broker.Commit{ID: id("a", 1), Value: put("")}
	member := broker.Commit{ID: id("a", 1), Members: []broker.MemberChange{add("x")}}
	message := broker.Commit{ID: id("a", 1), Messages: messages("m")}
	for _, test := range []struct {
		name      string
		commit    broker.Commit
		forgotten bool
	}{{"value", value, false}, {"member", member, false}, {"message", message, true}} {
		h := &history{TB: t}
		first := h.applied(test.commit)
		h.State = h.Age()
		if h.Empty() {
			t.Errorf("%s: empty while there is a receipt", test.name)
		}
		want(t, test.name+": the position after one Age", h.Record(false).At, first.At)
		h.State = h.Age()
		want(t, test.name+": receipts", h.Receipts(), 0)
		want(t, test.name+": empty", h.Empty(), test.forgotten)
		want(t, test.name+": is the zero State", bytes.Equal(h.AppendTo(nil), broker.State{}.AppendTo(nil)), test.forgotten)

		next := h.applied(broker.Commit{ID: id("b", 1), Messages: messages("m")})
		want(t, test.name+": a new epoch", next.At.Epoch != first.At.Epoch, test.forgotten)
		if test.forgotten {
			want(t, test.name+": the first message of the new epoch", next.At.Seq, 1)
		} else {
			want(t, test.name+": the next message", next.At.Seq, first.At.Seq+1)
		}
	}
}

func TestParseState(t *testing.T) {
	h := &history{TB: t}
	h.applied(broker.Commit{ID: id("a", 1), Members: []broker.MemberChange{add("x"), add("")}, Messages: messages("m")})
	h.State = h.Age()
	h.applied(broker.Commit{ID: id("b", 1<<60), Value: put("")})
	for _, s := range []broker.State{{}, h.State, h.Age(), h.Age().Age()} {
		encoded := s.AppendTo(nil)
		parsed, err := broker.ParseState(bytes.Clone(encoded))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(parsed.AppendTo(nil), encoded) {
			t.Errorf("%q became %q", encoded, parsed.AppendTo(nil))
		}
		for i := range encoded {
			if _, err := broker.ParseState(encoded[:i]); err == nil {
				t.Errorf("%q parses, although its end is missing", encoded[:i])
			}
		}
		if _, err := broker.ParseState(append(encoded, 0)); err == nil {
			t.Errorf("%q parses, although there is a byte too much", encoded)
		}
	}
}

func TestParseStateRefuses(t *testing.T) {
	for what, b := range map[string]string{
		"another format":          "\x02\x00\x00\x00\x00\x00\x00\x00",
		"neither value nor none":  "\x01\x02\x00\x00\x00\x00\x00\x00",
		"members out of order":    "\x01\x00\x00\x00\x00\x02\x01b\x00\x01a\x00\x00\x00",
		"the same member twice":   "\x01\x00\x00\x00\x00\x02\x01a\x00\x01a\x00\x00\x00",
		"more members than bytes": "\x01\x00\x00\x00\x00\xff\xff\xff\xff\xff\x0f\x00\x00",
	} {
		if s, err := broker.ParseState([]byte(b)); err == nil {
			t.Errorf("%s was read as %q", what, s.AppendTo(nil))
		}
	}
}

// FuzzParseState: whatever parses is a state that works, and has one spelling of
// its own.
func FuzzParseState(f *testing.F) {
	h := &history{TB: f}
	h.applied(broker.Commit{ID: id("a", 1), Value: put("v"), Members: []broker.MemberChange{add("x"), add("y")}})
	h.State = h.Age()
	h.applied(broker.Commit{ID: id("b", 1)})
	f.Add(h.AppendTo(nil))
	f.Add(broker.State{}.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := broker.ParseState(b)
		if err != nil {
			return
		}
		again, err := broker.ParseState(s.AppendTo(nil))
		if err != nil || !bytes.Equal(again.AppendTo(nil), s.AppendTo(nil)) {
			t.Fatalf("%q is read as %q, and that as %q, %v", b, s.AppendTo(nil), again.AppendTo(nil), err)
		}
		broker.Apply(s.Age(), broker.Commit{ID: id("new", 1), Members: []broker.MemberChange{add("x"), remove("y")}}) // must not panic
	})
}
