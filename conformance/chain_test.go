package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
)

// applies is the n-th commit of a history.
func applies(from, to int, puts, on string, n uint64) write {
	return write{span: span{"X", from, to}, puts: puts, on: on, receipt: receiptOf(puts, n)}
}

func refuses(from, to int, puts, on string) write {
	return write{span: span{"Y", from, to}, puts: puts, on: on, answer: refused}
}

func vanishes(from int, puts, on string) write {
	return write{span: span{"Z", from, from}, puts: puts, on: on, answer: unknown}
}

func receiptOf(value string, n uint64) broker.Receipt {
	if value == "" {
		return broker.Receipt{}
	}
	return broker.Receipt{Version: broker.Version("v-" + value), At: broker.Position{Epoch: "e", Seq: n}}
}

func sees(from, to int, value string, n uint64) read {
	r := read{span: span{"R", from, to}, value: value, version: receiptOf(value, n).Version, at: receiptOf(value, n).At, whole: true}
	if value != "" {
		r.members = []string{value}
	}
	return r
}

func hears(values ...string) hearing {
	l := hearing{span: span{"L", ever, ever}}
	for i, value := range values {
		receipt := receiptOf(value, uint64(i)+1)
		l.messages = append(l.messages, broker.Message{At: receipt.At, Version: receipt.Version, Body: []byte(value)})
	}
	return l
}

// wrongWith tries everything that the rules try.
func (h *history) wrongWith() *flaw {
	order, wrong := h.chain()
	for _, check := range []func() *flaw{
		h.versions,
		func() *flaw { return h.inTime(order) },
		func() *flaw { return h.whole(order) },
		func() *flaw { return h.delivered(order) },
	} {
		if wrong == nil {
			wrong = check()
		}
	}
	return wrong
}

func TestGoodHistories(t *testing.T) {
	two := []write{applies(1, 2, "a", "", 1), applies(3, 4, "b", "a", 2)}
	for name, h := range map[string]history{
		"nothing happened":  {},
		"nothing but reads": {reads: []read{sees(1, 2, "", 0)}, last: sees(3, 4, "", 0)},
		"one after the other": {
			writes: two, reads: []read{sees(5, 6, "b", 2)}, heard: []hearing{hears("a", "b"), hears("a", "b")}, last: sees(7, 8, "b", 2),
		},
		"a read at the same time sees what was before": {
			writes: two, reads: []read{sees(3, 9, "a", 1)}, heard: []hearing{hears("a", "b")}, last: sees(10, 11, "b", 2),
		},
		"a read at the same time sees what comes": {
			writes: []write{applies(1, 9, "a", "", 1)}, reads: []read{sees(2, 3, "a", 1), sees(4, 5, "a", 1)}, last: sees(10, 11, "a", 1),
		},
		"two reads at the same time see it in either order": {
			writes: []write{applies(1, 9, "a", "", 1)}, reads: []read{sees(2, 5, "a", 1), sees(3, 6, "", 0)}, last: sees(10, 11, "a", 1),
		},
		"who decided on the same is refused": {
			writes: []write{applies(1, 4, "a", "", 1), refuses(2, 5, "b", "")}, last: sees(6, 7, "a", 1),
		},
		"a commit that was sent again has its receipt": {
			writes: []write{two[0], two[1], applies(5, 6, "a", "", 1)}, last: sees(7, 8, "b", 2),
		},
		"no answer, and not applied": {
			writes: []write{vanishes(1, "a", ""), applies(3, 4, "b", "", 1)}, heard: []hearing{hears("b")}, last: sees(5, 6, "b", 1),
		},
		"no answer, and applied late": {
			writes: []write{applies(1, 2, "a", "", 1), vanishes(3, "b", "a")}, reads: []read{sees(5, 6, "a", 1), sees(7, 8, "b", 2)},
			heard: []hearing{hears("a", "b")}, last: sees(9, 10, "b", 2),
		},
		"no answer, and then its receipt": {
			writes: []write{vanishes(1, "a", ""), applies(3, 4, "a", "", 1)}, last: sees(5, 6, "a", 1),
		},
		"no answer, but somebody decided on it": {
			writes: []write{vanishes(1, "a", ""), applies(3, 4, "b", "a", 2)}, heard: []hearing{hears("a", "b")}, last: sees(5, 6, "b", 2),
		},
	} {
		if wrong := h.wrongWith(); wrong != nil {
			t.Errorf("%s: expected: %s; happened: %s", name, wrong.expected, wrong.happened)
		}
	}
}

func TestBrokenHistories(t *testing.T) {
	a, b, c := applies(1, 2, "a", "", 1), applies(3, 4, "b", "a", 2), applies(5, 6, "c", "b", 3)
	three := []write{a, b, c}
	last := sees(90, 91, "c", 3)
	changed := func(r read, change func(*read)) read {
		change(&r)
		return r
	}
	renumbered := hears("a", "b", "c")
	renumbered.messages[2].At.Seq = 4
	misnamed := hears("a", "b", "c")
	misnamed.messages[2].Version = "v-b"

	for _, x := range []struct {
		name     string
		history  history
		happened string
		culprits []string // part of each line
	}{
		{
			"two commits on the same value", history{writes: []write{a, applies(3, 7, "b", "a", 2), applies(4, 6, "c", "a", 3)}, last: last},
			`"b" and "c" both are: an update is lost`, []string{`[3, 7] X commits "b"`, `[4, 6] X commits "c"`},
		}, {
			"two commits on no value", history{writes: []write{a, applies(1, 3, "c", "", 2)}, last: last},
			`"a" and "c" both are`, []string{`commits "a"`, `commits "c"`},
		}, {
			"an acknowledged commit is not there", history{writes: []write{a, b}, last: sees(90, 91, "a", 1)},
			`it is "a"`, []string{`commits "b"`, `R reads "a"`},
		}, {
			"the first one is not there", history{writes: []write{a}, last: sees(90, 91, "", 0)},
			`it is no value`, []string{`commits "a"`, `R reads no value`},
		}, {
			"a value that nobody put", history{writes: three, reads: []read{sees(7, 8, "x", 9)}, last: last},
			`"x" is seen, which nobody put`, []string{`R reads "x"`},
		}, {
			"a commit on a value that nobody put", history{writes: []write{a, applies(3, 4, "b", "x", 2)}, last: sees(90, 91, "b", 2)},
			`"x" is seen, which nobody put`, []string{`commits "b", decided on "x"`},
		}, {
			"a value of a commit that was refused", history{writes: []write{a, refuses(3, 6, "b", "a")}, reads: []read{sees(4, 5, "b", 2)}, last: sees(90, 91, "a", 1)},
			`"b" is seen, whose commit was refused`, []string{`Y commits "b"`, `R reads "b"`},
		}, {
			"a message of a commit that was refused", history{writes: []write{a, refuses(3, 4, "b", "a")}, heard: []hearing{hears("a", "b")}, last: sees(90, 91, "a", 1)},
			`"b" is seen, whose commit was refused`, []string{`Y commits "b"`, `L hears 1 "a", 2 "b"`},
		}, {
			"a value from the future", history{writes: []write{applies(3, 4, "a", "", 1)}, reads: []read{sees(1, 2, "a", 1)}, last: sees(90, 91, "a", 1)},
			`"a" is seen before it was committed`, []string{`R reads "a"`, `X commits "a"`},
		}, {
			"two commits, each decided on the other", history{writes: []write{applies(1, 5, "a", "b", 2), applies(2, 6, "b", "a", 1)}, last: sees(90, 91, "b", 2)},
			`is seen before it was committed`, []string{`commits "a"`, `commits "b"`},
		}, {
			"the same commit with two receipts", history{writes: []write{a, b, applies(7, 8, "a", "", 3)}, last: sees(90, 91, "b", 2)},
			`it gets another one`, []string{`[1, 2] X commits "a"`, `[7, 8] X commits "a"`},
		}, {
			"a receipt, and then a refusal", history{writes: []write{a, b, refuses(7, 8, "a", "")}, last: sees(90, 91, "b", 2)},
			`it gets another one`, []string{`X commits "a"`, `Y commits "a"`},
		}, {
			"a read of what was overwritten before", history{writes: three, reads: []read{sees(7, 8, "b", 2)}, last: last},
			`number 2 comes after number 3`, []string{`commits "c"`, `R reads "b"`},
		}, {
			"a read of what another read has seen overwritten",
			history{writes: []write{a, applies(3, 20, "b", "a", 2)}, reads: []read{sees(4, 5, "b", 2), sees(6, 7, "a", 1)}, last: sees(90, 91, "b", 2)},
			`number 1 comes after number 2`, []string{`R reads "b"`, `R reads "a"`},
		}, {
			"a read of what was overwritten before, after a slow one",
			history{writes: []write{a, b}, reads: []read{sees(2, 6, "a", 1), sees(7, 8, "a", 1)}, last: sees(90, 91, "b", 2)},
			`number 1 comes after number 2`, []string{`commits "b"`, `[7, 8] R reads "a"`},
		}, {
			"a read of what was overwritten by a commit that was sent twice",
			history{writes: []write{vanishes(1, "a", ""), applies(3, 4, "a", "", 1)}, reads: []read{sees(5, 6, "", 0)}, last: sees(90, 91, "a", 1)},
			`number 0 comes after number 1`, []string{`commits "a"`, `R reads no value`},
		}, {
			"a commit behind which a later one was seen",
			history{writes: []write{applies(1, 9, "a", "", 1), applies(2, 8, "b", "a", 2)}, reads: []read{sees(3, 4, "b", 2), sees(5, 6, "", 0)}, last: sees(90, 91, "b", 2)},
			`number 0 comes after number 2`, []string{`R reads "b"`, `R reads no value`},
		}, {
			"two versions of a value", history{writes: three, reads: []read{changed(sees(7, 8, "c", 3), func(r *read) { r.version = "other" })}, last: last},
			`it is "v-c" and "other"`, []string{`commits "c"`, `R reads "c"`},
		}, {
			"one version of two values", history{writes: three, reads: []read{sees(3, 4, "", 0)}, heard: []hearing{misnamed}, last: last},
			`it is "v-c" and "v-b"`, []string{`commits "c"`, `L hears`},
		}, {
			"a version used twice", history{writes: []write{a, {span: span{"X", 3, 4}, puts: "b", on: "a", receipt: receiptOf("a", 2)}}, last: changed(sees(90, 91, "b", 2), func(r *read) { r.version = "v-a" })},
			`"v-a" is that of "a" and of "b"`, []string{`commits "a"`, `commits "b"`},
		}, {
			"a position of another value", history{writes: three, reads: []read{changed(sees(7, 8, "c", 3), func(r *read) { r.at.Seq = 2 })}, last: last},
			`message 2, members ["c"]`, []string{`commits "b"`, `commits "c"`, `R reads "c"`},
		}, {
			"another epoch", history{writes: three, reads: []read{changed(sees(7, 8, "c", 3), func(r *read) { r.at.Epoch = "f" })}, last: last},
			`message 3`, []string{`commits "c"`, `R reads "c"`},
		}, {
			"members of another value", history{writes: three, reads: []read{changed(sees(7, 8, "c", 3), func(r *read) { r.members = []string{"b"} })}, last: last},
			`message 3, members ["b"]`, []string{`commits "b"`, `commits "c"`, `R reads "c"`},
		}, {
			"members without a value", history{writes: three, reads: []read{changed(sees(0, 8, "", 0), func(r *read) { r.members = []string{"a"} })}, last: last},
			`message 0, members ["a"]`, []string{`R reads no value`, `commits "a"`},
		}, {
			"a message that is missing", history{writes: three, heard: []hearing{hears("a", "b", "c"), hears("a", "c")}, last: last},
			`it is "c"`, []string{`commits "b"`, `commits "c"`, `L hears 1 "a", 2 "c"`},
		}, {
			"the last message is missing", history{writes: three, heard: []hearing{hears("a", "b")}, last: last},
			`it is never heard`, []string{`commits "c"`, `L hears`},
		}, {
			"messages in another order", history{writes: three, heard: []hearing{hears("a", "c", "b")}, last: last},
			`it is "c"`, []string{`commits "b"`, `commits "c"`, `L hears`},
		}, {
			"a message twice", history{writes: three, heard: []hearing{hears("a", "b", "b", "c")}, last: last},
			`it is "b"`, []string{`commits "b"`, `commits "c"`, `L hears`},
		}, {
			"the last message twice", history{writes: three, heard: []hearing{hears("a", "b", "c", "c")}, last: last},
			`"c" is heard once more`, []string{`L hears`},
		}, {
			"a message with a position of its own", history{writes: three, heard: []hearing{renumbered}, last: last},
			`it is heard as number 4, and the receipt has 3`, []string{`commits "c"`, `L hears`},
		},
	} {
		wrong := x.history.wrongWith()
		if wrong == nil {
			t.Errorf("%s: nothing is found", x.name)
			continue
		}
		if !strings.Contains(wrong.happened, x.happened) {
			t.Errorf("%s: happened: %s, want %s", x.name, wrong.happened, x.happened)
		}
		lines := wrong.lines()
		if x.culprits != nil && len(lines) != len(x.culprits) {
			t.Errorf("%s: culprits:\n%s\nwant %d", x.name, strings.Join(lines, "\n"), len(x.culprits))
			continue
		}
		for i, part := range x.culprits {
			if !strings.Contains(lines[i], part) {
				t.Errorf("%s: culprit %d is %s, want %s", x.name, i+1, lines[i], part)
			}
		}
	}
}

// A checker that searched for an order would not come to an end.
func TestLongHistory(t *testing.T) {
	const n = 20_000
	var h history
	before := ""
	for i := range n {
		value := fmt.Sprint("value ", i)
		h.writes = append(h.writes, applies(i, i+50, value, before, uint64(i)+1))
		h.reads = append(h.reads, sees(i, i+50, value, uint64(i)+1))
		before = value
	}
	h.last = sees(2*n, 2*n+1, before, n)
	if wrong := h.wrongWith(); wrong != nil {
		t.Errorf("expected: %s; happened: %s", wrong.expected, wrong.happened)
	}
}
