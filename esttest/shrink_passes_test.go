package esttest

import (
	"slices"
	"strings"
	"testing"
)

// history tells what is in a list.
type history []string

// has reports whether the lines occur in this order.
func (h history) has(want ...string) bool {
	for _, line := range h {
		if len(want) > 0 && line == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}

func (h history) count(part string) (n int) {
	for _, line := range h {
		if strings.HasPrefix(line, part) {
			n++
		}
	}
	return n
}

// waits is a list of n steps.
func waits(n int) string { return strings.TrimSuffix(strings.Repeat("wait; ", n), "; ") }

func (h history) instances(part string) int {
	all := map[string]bool{}
	for _, line := range h {
		if strings.HasPrefix(line, part) {
			all[line[strings.LastIndex(line, " "):]] = true
		}
	}
	return len(all)
}

// failsWhen is an attempt to which all is possible.
func failsWhen(fails func(history) bool) attempt {
	return func(steps []step) verdict {
		h := history(strings.Split(strings.TrimSuffix(lines(steps), "\n"), "\n"))
		if fails(h) {
			return verdict{failed: &violation{check: "planted"}, steps: steps}
		}
		return verdict{steps: steps}
	}
}

// Each case needs the pass that it is named after: without it more is left.
func TestShrinkPasses(t *testing.T) {
	for _, c := range []struct {
		name, from string
		fails      func(h history) bool
		want       string
	}{
		{"merge: an answer, at its own place", `perform i1 commit "r"; rival "r"; answer i1 commit "r"`,
			func(h history) bool {
				return h.has(`perform i1 commit "r"`, `rival "r"`, `answer i1 commit "r"`) || h.has(`rival "r"`, `ask i1 commit "r"`)
			}, `rival "r"; ask i1 commit "r"`},
		{"merge: an operation, at its own place", `perform i1 commit "r"; rival "r"; answer i1 commit "r"`,
			func(h history) bool {
				return h.has(`perform i1 commit "r"`, `rival "r"`, `answer i1 commit "r"`) || h.has(`ask i1 commit "r"`, `rival "r"`)
			}, `ask i1 commit "r"; rival "r"`},
		{"merge: a side effect", `connect c1 i1; effect c1; wait; effect-answer c1`,
			func(h history) bool {
				return h.has("connect c1 i1") && (h.has("effect c1", "effect-answer c1") || h.has("effect-ask c1"))
			}, `connect c1 i1; effect-ask c1`},
		{"merge: what broke and was noticed", `connect c1 i1; break c1; wait; notice c1`,
			func(h history) bool {
				return h.has("connect c1 i1", "break c1", "wait", "notice c1") || h.has("connect c1 i1", "wait", "close c1")
			},
			`connect c1 i1; wait; close c1`},
		{"calm", `connect c1 i1; fail i1 commit "r"; twice i1 "r"`,
			func(h history) bool {
				return h.count("fail")+h.count("ask") > 0 && h.count("twice")+h.count("hear") > 0
			}, `ask i1 commit "r"; hear i1 "r"`},
		{"calm: later", `connect c1 i1; break c1; wait; rival "r"`,
			func(h history) bool { return h.has("break c1", "wait") || h.has("connect c1 i1", "wait", "close c1") },
			`connect c1 i1; wait; close c1`},
		{"faults first, though that takes more steps", `crash i1; ` + waits(20),
			func(h history) bool { return h.count("wait") == 20 || h.has("crash i1", "wait") },
			waits(20)},
		{"faults calmed first, though that takes more steps", `drop i1 "r"; ` + waits(20),
			func(h history) bool {
				return h.has(`hear i1 "r"`) && h.count("wait") == 20 || h.has(`drop i1 "r"`, "wait")
			},
			`hear i1 "r"; ` + waits(20)},
		{"pairs", `pause i1; resume i1; wait; away i1; back i1; wait`,
			func(h history) bool {
				return h.count("pause") == h.count("resume") && h.count("away") == h.count("back") && h.count("wait") == 2
			}, `wait; wait`},
		{"pairs: what followed a message", `connect c1 i1; send c1 1; ask i1 load "r"; ask i1 commit "r"; wait`,
			func(h history) bool { return h.has("wait") && h.count("ask") == 2*h.count("send") },
			`wait`},
		{"pairs, in a long list", waits(20) + `; pause i1; ask i1 load "r"; resume i1`,
			func(h history) bool {
				return h.count("wait") == 20 && h.count("ask") == 1 && h.count("pause") == h.count("resume")
			}, waits(20) + `; ask i1 load "r"`},
		{"tidy: a client's first connection", `connect c1 i1; close c1; connect c1.2 i1; send c1.2 1`,
			func(h history) bool { return h.count("send") > 0 && h.count("connect") >= h.count("send") },
			`connect c1 i1; send c1 1`},
		{"strangers", `connect c1 i1; connect c1.2 i1; wait`,
			func(h history) bool { return h.count("connect") == 2 },
			`connect c1 i1; connect c2 i1`},
		{"unite", `connect c1 i1; send c1 1; close c1; connect c2 i1; send c2 1; send c2 2`,
			func(h history) bool {
				return h.has("connect c1 i1", "close c1", "connect c2 i1", "send c2 1", "send c2 2") || h.has("connect c1 i1", "send c1 1", "send c1 2")
			}, `connect c1 i1; send c1 1; send c1 2`},
		{"unite, in a long list", waits(20) + `; connect c1 i1; send c1 1; connect c2 i1; send c2 1; send c2 2`,
			func(h history) bool {
				return h.count("wait") == 20 && (len(h) == 25 || h.has("connect c1 i1", "send c1 1", "send c1 2"))
			}, waits(20) + `; connect c1 i1; send c1 1; send c1 2`},
		{"instances", `connect c1 i2; ask i2 load "r"; ask i3 load "r"`,
			func(h history) bool { return h.count("connect") == 1 && h.count("ask") == 2 },
			`connect c1 i1; ask i1 load "r"; ask i1 load "r"`},
		{"gather", `connect c1 i1; connect c2 i2; ask i1 load "r"; ask i2 load "r"; ask i1 commit "r"; ask i2 commit "r"`,
			func(h history) bool {
				return h.has("connect c1 i1", `ask i1 load "r"`, `ask i1 commit "r"`) && h.has("connect c2 i2", `ask i2 load "r"`, `ask i2 commit "r"`)
			},
			`connect c1 i1; ask i1 load "r"; ask i1 commit "r"; connect c2 i2; ask i2 load "r"; ask i2 commit "r"`},
		{"rename", `connect c4 i3; connect c2 i1; send c4 1; send c2 1`,
			func(h history) bool {
				return h.count("send") == 2 && h.instances("connect") == 2
			},
			`connect c1 i1; send c1 1; connect c2 i2; send c2 1`},
		{"rooms", `ask i1 load "a"; ask i1 load "b"; wait`,
			func(h history) bool { return h.has("wait") && (h.has(`ask i1 load "a"`) == h.has(`ask i1 load "b"`)) },
			`wait`},
		{"prefixes", waits(9), func(h history) bool { return len(h) == 9 || len(h) == 3 }, waits(3)},
		{"any two", `wait; rival "r"; wait; restart i1`,
			func(h history) bool { return len(h)%2 == 0 && h.has(`rival "r"`, `restart i1`) },
			`rival "r"; restart i1`},
		{"mirror", `connect c1 i2; connect c2 i1; wait`,
			func(h history) bool {
				return h.has("connect c1 i2", "connect c2 i1", "wait") || h.has("connect c1 i1", "connect c2 i2") && h.count("wait") == 0
			}, `connect c1 i1; connect c2 i2`},
		{"texts: one that another hello had", `connect c1 i1; send c1 {"u":1}; connect c2 i1; send c2 {"user":22}; send c2 {"user":3}`,
			func(h history) bool { return h.count("connect") == 2 && h.count("send") == 3 },
			`connect c1 i1; send c1 {"u":1}; connect c2 i1; send c2 {"u":1}; send c2 {"user":3}`},
		{"texts: hellos stay as the model makes them", `connect c1 i1; send c1 {"u":1}`,
			func(h history) bool { return h.count("send") == 1 },
			`connect c1 i1; send c1 {"u":1}`},
		{"texts: with the room that they lead to", `connect c1 i1; send c1 {"r":"a"}; ask i1 load "a"; connect c2 i1; send c2 {"r":"bb"}; ask i1 load "bb"; close c2`,
			func(h history) bool {
				return h.has(`send c2 {"r":"bb"}`, `ask i1 load "bb"`, `close c2`) || h.has(`send c1 {"r":"bb"}`, `ask i1 load "bb"`, `close c1`) || h.has(`send c1 {"r":"a"}`, `ask i1 load "a"`, `close c1`)
			},
			`connect c1 i1; send c1 {"r":"a"}; ask i1 load "a"; close c1`},
		{"texts: seeds", `outside 123456`, func(h history) bool { return h.count("outside") == 1 }, `outside 0`},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := func(text string) []step { return list(t, strings.ReplaceAll(text, "; ", "\n")) }
			run := failsWhen(c.fails)
			from := run(read(c.from))
			if from.failed == nil {
				t.Fatal("it does not fail to begin with")
			}
			least, _ := shrink(from, run, shrinkBudget{})
			if got := lines(least.steps); got != lines(read(c.want)) {
				t.Errorf("left:\n%swant:\n%s", got, lines(read(c.want)))
			}
		})
	}
}

func TestSizeOrder(t *testing.T) {
	// Each is smaller than the next, for another reason.
	order := []string{
		`connect c1 i1; send c1 1; ask i1 load "r"`,
		`connect c1 i1; send c1 2; ask i1 load "r"`,
		`connect c1 i1; send c1 22; ask i1 load "r"`,
		`connect c1 i1; send c1 2; send c1 1`,
		`connect c1 i1; send c1 1; perform i1 load "r"`,
		`connect c1 i1; wait; send c1 1`,
		`connect c1 i1; send c1 1; connect c2 i1`,
		`connect c1 i1; send c1 1; connect c1.2 i1`,
		`connect c1 i1; send c1 1; connect c2 i2`,
		`wait; wait; wait; wait`,
		`crash i1`,
	}
	var sizes []size
	for _, text := range order {
		sizes = append(sizes, sizeOf(list(t, strings.ReplaceAll(text, "; ", "\n"))))
	}
	for i := range sizes {
		for k := range sizes {
			if got := sizes[i].less(sizes[k]); got != (i < k) {
				t.Errorf("%q less than %q: %v", order[i], order[k], got)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	run := failsWhen(func(h history) bool {
		return h.has(`connect c1 i1`, `send c1 {"user":"a"}`) && (h.count("send c1 {\"add\"") > 0 || h.count("send c1 {\"sub\"") > 0)
	})
	least := run(list(t, `connect c1 i1
		send c1 {"user":"a"}
		wait
		send c1 {"add":1,"on":true}
		connect c2 i1
		send c2 {"user":"b"}`))
	if got, want := explain(least, run), []bool{true, true, false, true, false, false}; !slices.Equal(got, want) {
		t.Errorf("explain: %v, want %v", got, want)
	}
}
