package conformance

import (
	"fmt"
	"strings"
)

// Report is what [Check] has found. Each rule is in one of the lists, by name.
// What is wrong with the harness itself comes first in Failed, named "harness".
type Report struct {
	Passed  []string
	Failed  []Failure // in the order of the rules: the first is where to begin
	Skipped []Skip
}

// Failure is a rule that a broker breaks.
type Failure struct {
	Rule        string // its name
	Explanation string // what it promises, by which rules of package broker, and what of est would break
	Done        []string
	Expected    string
	Happened    string
	Goroutines  string // of the case, where it did not end
	Seed        uint64 // of the run
}

// String is all of it, on several lines.
func (f Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", f.Rule, indent(wrap(f.Explanation), 2))
	fmt.Fprintf(&b, "  done:\n%s\n", indent(strings.Join(f.Done, "\n"), 4))
	fmt.Fprintf(&b, "  expected: %s\n  happened: %s\n", f.Expected, f.Happened)
	if f.Goroutines != "" {
		fmt.Fprintf(&b, "  goroutines:\n%s\n", indent(f.Goroutines, 4))
	}
	fmt.Fprintf(&b, "  again: -conformance.seed=%d", f.Seed)
	return b.String()
}

func indent(text string, by int) string {
	margin := strings.Repeat(" ", by)
	return margin + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+margin)
}

// wrap breaks lines between words.
func wrap(text string) string {
	const width = 100
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		column := 0
		for word := range strings.FieldsSeq(line) {
			switch {
			case column == 0:
			case column+1+len(word) > width:
				b.WriteByte('\n')
				column = 0
			default:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += len(word)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const harnessRule = "harness"

// harnessFailure is that of the harness, which is no rule's.
func harnessFailure(err error, seed uint64) Failure {
	return Failure{
		Rule:        harnessRule,
		Explanation: "Harness.Open returns a handle on the store, each time, and no limit is below its minimum.\nOtherwise: Rules could not be looked at, and what is said of them below means less.",
		Expected:    "a harness that works",
		Happened:    err.Error(),
		Seed:        seed,
	}
}

// Skip is a rule that was not looked at.
type Skip struct {
	Rule        string
	Explanation string // as in Failure
	Reason      string // what is missing, and how to give it
}

// summary is a line on the whole, and one for each rule that failed or was skipped.
// Subtests that run in parallel report in the order in which they end, so here is
// said which failure comes first. test is the name of the test that Run was in.
func (r Report) summary(test string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "conformance: %d passed, %d failed, %d skipped", len(r.Passed), len(r.Failed), len(r.Skipped))
	for i, f := range r.Failed {
		fmt.Fprintf(&b, "\n  failed %s", f.Rule)
		if i == 0 {
			b.WriteString(": begin here, since what fails later may come from it")
			if f.Rule != harnessRule {
				subtest := strings.ReplaceAll(test+"/"+f.Rule, "/", "$/^")
				fmt.Fprintf(&b, "; alone: go test -run '^%s$' -conformance.seed=%d", subtest, f.Seed)
			}
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "\n  skipped %s: %s", s.Rule, s.Reason)
	}
	return b.String()
}
