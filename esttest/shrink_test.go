package esttest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// toyBugs are what is planted in the toy, and the shortest history known for each.
var toyBugs = []struct {
	name     string
	shortest string
}{
	{"ghost-member", `connect c1 i1
		send c1 {"room":"r1","user":"u1"}
		ask i1 subscribe "r1"
		ask i1 load "r1"
		close c1`},
	{"lost-login", `connect c1 i2
		send c1 {"room":"r1","user":"u1"}
		ask i2 subscribe "r1"
		ask i2 load "r1"
		close c1
		connect c1.2 i1
		send c1.2 {"room":"r1","user":"u1"}`},
	{"lost-update", `connect c1 i1
		send c1 {"room":"r1","user":"u1"}
		send c1 {"add":1}
		connect c2 i2
		send c2 {"room":"r1","user":"u1"}
		send c2 {"add":1}
		ask i2 subscribe "r1"
		ask i2 load "r1"
		ask i2 commit "r1"`},
	{"counted-twice", `connect c1 i1
		send c1 {"room":"r1","user":"u1"}
		send c1 {"add":1}
		ask i1 subscribe "r1"
		ask i1 load "r1"
		ask i1 commit "r1"
		perform i1 commit "r1"
		lose i1 commit "r1"`},
	{"stale-replica", `connect c1 i1
		send c1 {"room":"r1","user":"u1"}
		ask i1 subscribe "r1"
		ask i1 load "r1"
		ask i1 commit "r1"
		drop i1 "r1"`},
}

// found draws histories until one fails the check.
func found(tb testing.TB, seed uint64, n int, check string, bugs ...string) verdict {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	for range 2000 {
		if v := toyRun(r, n, bugs...); v.failed != nil && v.failed.check == check {
			return v
		}
	}
	tb.Fatalf("seed %d: no history of %d steps fails %s", seed, n, check)
	return verdict{}
}

// list reads steps, one a line.
func list(tb testing.TB, text string) (steps []step) {
	tb.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		st, err := parseStep(line)
		if err != nil {
			tb.Fatal(err)
		}
		steps = append(steps, st)
	}
	return steps
}

func lines(steps []step) string {
	var b strings.Builder
	for _, st := range steps {
		b.WriteString(st.String() + "\n")
	}
	return b.String()
}

func TestToyIsRightWithoutBugs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		if v := toyRun(r, 200); v.failed != nil {
			t.Fatalf("%s: %s\n%s", v.failed.check, v.failed.text, lines(v.steps))
		}
	}
	for _, bug := range toyBugs {
		if v := toyAttempt(bug.name)(list(t, bug.shortest)); v.failed == nil || v.failed.check != bug.name {
			t.Errorf("the shortest history known of %s does not fail it: %v", bug.name, v.failed)
		}
	}
}

func TestShrinkEndsNearTheShortest(t *testing.T) {
	const seeds = 8
	for _, bug := range toyBugs {
		shortest := sizeOf(list(t, bug.shortest))
		for _, n := range []int{200, 500} {
			var lengths, runs []int
			for seed := range uint64(seeds) {
				run := toyAttempt(bug.name)
				least, tried := shrink(found(t, seed, n, bug.name, bug.name), run, shrinkBudget{})
				lengths, runs = append(lengths, len(least.steps)), append(runs, tried)
				if z := sizeOf(least.steps); z.steps > shortest.steps+2 || z.faults > shortest.faults {
					t.Errorf("%s, seed %d: of %d steps these are left, and %d are enough:\n%s", bug.name, seed, n, shortest.steps, lines(least.steps))
				}
				if again := run(least.steps); again.failed == nil || again.failed.check != bug.name {
					t.Errorf("%s, seed %d: what is left does not fail:\n%s", bug.name, seed, lines(least.steps))
				}
			}
			slices.Sort(runs)
			slices.Sort(lengths)
			t.Logf("%-13s %d steps → %v (shortest known %d) after %v runs", bug.name, n, lengths, shortest.steps, runs)
			if median, most := runs[seeds/2], map[int]int{200: 300, 500: 400}[n]; median > most {
				t.Errorf("%s: %d runs for %d steps (median), more than %d", bug.name, median, n, most)
			}
		}
	}
}

// TestShrinkKeepsTheCheck plants a second bug, which most histories on the way
// to the shortest one show too.
func TestShrinkKeepsTheCheck(t *testing.T) {
	other := map[string]string{"lost-login": "ghost-member", "stale-replica": "lost-update", "counted-twice": "stale-replica", "lost-update": "counted-twice"}
	for bug, second := range other {
		slips := 0
		for seed := range uint64(6) {
			toy := toyAttempt(bug, second)
			run := func(steps []step) verdict {
				v := toy(steps)
				if v.failed != nil && v.failed.check != bug {
					slips++
				}
				return v
			}
			least, _ := shrink(found(t, seed, 200, bug, bug, second), run, shrinkBudget{})
			if least.failed.check != bug {
				t.Errorf("%s became %s", bug, least.failed.check)
			}
			if v := toyAttempt(bug)(least.steps); v.failed == nil || v.failed.check != bug {
				t.Errorf("%s with %s, seed %d: what is left needs the other bug:\n%s", bug, second, seed, lines(least.steps))
			}
		}
		if bug == "lost-login" && slips == 0 {
			t.Errorf("no candidate failed %s, so that nothing could slip", second)
		}
	}
}

func TestShrinkKeepsToItsBudget(t *testing.T) {
	from := found(t, 1, 500, "lost-update", "lost-update")
	ran := 0
	run := func(steps []step) verdict {
		ran++
		return toyAttempt("lost-update")(steps)
	}
	last := sizeOf(from.steps)
	for _, most := range []int{1, 2, 10, 50, 150} {
		ran = 0
		least, tried := shrink(from, run, shrinkBudget{runs: most})
		if tried != most || ran != most {
			t.Errorf("%d runs, tells of %d, and may do %d", ran, tried, most)
		}
		if z := sizeOf(least.steps); last.less(z) {
			t.Errorf("with %d runs there is more left than with fewer", most)
		} else {
			last = z
		}
	}
	ran = 0
	if _, tried := shrink(from, run, shrinkBudget{stop: func() bool { return ran == 20 }}); tried != 20 || ran != 20 {
		t.Errorf("%d runs, tells of %d, and is stopped after 20", ran, tried)
	}
	if least, tried := shrink(from, run, shrinkBudget{stop: func() bool { return true }}); tried != 0 || len(least.steps) != len(from.steps) {
		t.Errorf("stopped before it began, it did %d runs and left %d steps of %d", tried, len(least.steps), len(from.steps))
	}
}

func TestShrinkIsDeterministicAndRunsNoListTwice(t *testing.T) {
	for seed := range uint64(4) {
		from := found(t, seed, 200, "lost-login", "lost-login")
		var before []string
		for range 2 {
			var tried []string
			seen := map[string]bool{}
			least, _ := shrink(from, func(steps []step) verdict {
				text := lines(steps)
				if seen[text] {
					t.Errorf("seed %d: this runs twice:\n%s", seed, text)
				}
				seen[text] = true
				tried = append(tried, text)
				return toyAttempt("lost-login")(steps)
			}, shrinkBudget{})
			tried = append(tried, lines(least.steps))
			if before != nil && !slices.Equal(before, tried) {
				t.Errorf("seed %d: the second time it goes another way", seed)
			}
			before = tried
		}
	}
}

func TestShrinkLeavesWhatDoesNotFailAgain(t *testing.T) {
	from := verdict{failed: &violation{check: "flaky"}, steps: list(t, "wait\nwait")}
	least, tried := shrink(from, func(steps []step) verdict { return verdict{steps: steps} }, shrinkBudget{})
	if tried != 1 || least.failed != from.failed || len(least.steps) != 2 {
		t.Errorf("%d runs, %d steps left", tried, len(least.steps))
	}
	if _, tried := shrink(verdict{}, nil, shrinkBudget{}); tried != 0 {
		t.Errorf("%d runs for what is right", tried)
	}
}

func BenchmarkShrink(b *testing.B) {
	from := found(b, 1, 500, "lost-update", "lost-update")
	run, runs := toyAttempt("lost-update"), 0
	for b.Loop() {
		_, tried := shrink(from, run, shrinkBudget{})
		runs += tried
	}
	b.ReportMetric(float64(runs)/float64(b.N), "runs/op")
}
