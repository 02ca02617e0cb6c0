package conformance

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
)

// Harness is what the suite has to know of a broker.
type Harness struct {
	// Open returns another instance's handle on the same store: with connections
	// and subscriptions of its own, and closed on its own. It is required, may be
	// called by several goroutines at once, and what it returns is closed by the
	// suite. If it returns one and the same handle each time, as an in-process
	// store may, that one is never closed, and the rules about that are skipped.
	Open func() (broker.Broker, error)

	// Faults are what can be done to the store and to the way there. Each is
	// optional; the rules that need a missing one are skipped by name.
	Faults Faults

	// Limits are what the store states about sizes and times.
	Limits Limits

	// Subscriptions returns how many subscriptions the store itself holds, over
	// all handles. Optional, for stores that can tell.
	Subscriptions func() (int, error)

	// Patience is for how long the suite waits for what must come, such as a
	// message, a gap after a fault, or the answer of a call, before it says that it
	// doesn't. A broker that probes its connections needs more than the time
	// between two probes. Default: 10 seconds.
	Patience time.Duration

	// Seed decides what the random cases draw. Default: 0, which takes the flag
	// -conformance.seed, or a random one. Run logs it; every Failure has it.
	Seed uint64
}

// Faults are done to one handle, or to the store of all. An error of any of them
// fails the case. Fields may be nil.
type Faults struct {
	// Cut breaks the connections that b has to the store. It may connect again at
	// once.
	Cut func(b broker.Broker) error

	// HoldReconnect breaks the connections that b has to the store, and lets it
	// make none until release is called.
	HoldReconnect func(b broker.Broker) (release func(), err error)

	// LoseReply lets the next commit of b reach the store and be applied there, but
	// not its answer come back: the connection breaks instead. b may connect again
	// at once.
	LoseReply func(b broker.Broker) error

	// BlackHole lets what b sends and what the store sends to b go nowhere, without
	// an error, as when a cable is pulled. New connections hang too. After heal new
	// ones work, and those from before stay dead, without a word.
	BlackHole func(b broker.Broker) (heal func(), err error)

	// Restart stops the store and starts it again, with all that was committed.
	Restart func() error

	// Empty stops the store and starts it again with nothing in it.
	Empty func() error

	// Rollback remembers what the store holds; restore stops the store and starts
	// it with that, so that what was committed in between is lost.
	Rollback func() (restore func() error, err error)
}

// Limits are what a store states. A zero field is: not stated.
type Limits struct {
	// Value is the most bytes that a value, a message or a member's data may have.
	// If not stated, up to 64 KiB are tried, and nothing over the limit.
	Value int

	// Key is the most bytes that namespace and room of a key may have together. If
	// not stated, up to 256 are tried, and nothing over the limit.
	Key int

	// Queue is how many messages may wait for a slow handler before there is a gap,
	// at most, and at least 64. If not stated, 5,000 are tried, and it may be that
	// all arrive.
	Queue int

	// Retention is for how long receipts are kept at least, by handles as Open
	// returns them. The rules about forgetting wait for it to pass: open the store
	// with a second or so. If it is not stated, or over 5 seconds, they are skipped.
	Retention time.Duration
}

// Report is what [Check] has found. Each rule is in one of the lists, by name.
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

// Skip is a rule that was not looked at.
type Skip struct {
	Rule        string
	Explanation string // as in Failure
	Reason      string // what is missing, and how to give it
}

var seed = flag.Uint64("conformance.seed", 0, "seed of the conformance suites; 0 is a random one")

// Run proves the broker behind h: every rule is a subtest, named as in [Rules].
// It logs the seed, and at the end what was skipped and why.
//
// Subtests of a group run in parallel, except those that stop the store. With
// -short, the random ones draw less.
func Run(t *testing.T, h Harness) {
	s, err := newSuite(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("conformance: seed %d; to repeat: -conformance.seed=%d", s.harness.Seed, s.harness.Seed)
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			for _, i := range g.rules {
				name := strings.TrimPrefix(rules[i].name, g.name+"/")
				t.Run(name, func(t *testing.T) { s.run(t, i) })
			}
		})
	}
	s.close()
	t.Log(s.report().summary())
}

// run is rule i as a subtest.
func (s *suite) run(t *testing.T, i int) {
	if !rules[i].alone {
		t.Parallel()
	}
	s.try(i)
	switch r := s.results[i]; {
	case r.failure != nil:
		t.Error("\n" + r.failure.String())
	case r.skipped != "":
		t.Skip(r.skipped)
	}
}

// Check is Run without a testing.T: what it finds is in the Report, also if Open
// fails. It may be called in a bubble of testing/synctest, if the broker works
// there; then its waits take no time.
func Check(h Harness) Report {
	s, err := newSuite(h)
	if err != nil {
		return Report{Failed: []Failure{{
			Rule:        "harness",
			Explanation: "Harness.Open returns a handle on the store.",
			Expected:    "a broker",
			Happened:    err.Error(),
			Seed:        h.Seed,
		}}}
	}
	s.all()
	s.close()
	return s.report()
}

// summary is a line on the whole, and one for each rule that was skipped.
func (r Report) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "conformance: %d passed, %d failed, %d skipped", len(r.Passed), len(r.Failed), len(r.Skipped))
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "\n  skipped %s: %s", s.Rule, s.Reason)
	}
	return b.String()
}
