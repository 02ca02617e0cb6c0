package esttest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Stats is what the runs exercised. What was not exercised was not tested.
type Stats struct {
	Runs      int
	Steps     int // decisions, without those of the healing
	Settled   int // steps of the healing, which are no decisions
	Elapsed   time.Duration
	Schedules map[string]int // runs by kind of schedule

	Calls                                  [phaseCount]int // of the integration's functions, see CallNames
	Verbs                                  [verbCount]int  // steps, see StepNames
	Commits, Conflicts, Unanswered, GaveUp int             // commits that took place, lost, went unanswered, were given up
	Retried                                int             // transitions that were decided again
	Joined, Left                           int             // members
	Published, Effects, Failures           int             // asked for by outcomes
	Kept                                   int             // rooms whose state was still there when everybody had left

	Seen map[string]bool // situations of Model.Sometimes that were reached
}

func newStats[C, R any](m *Model[C, R]) *Stats {
	st := &Stats{Schedules: map[string]int{}, Seen: map[string]bool{}}
	for name := range m.Sometimes {
		st.Seen[name] = false
	}
	return st
}

func (st *Stats) clone() Stats {
	c := *st
	c.Schedules, c.Seen = maps.Clone(st.Schedules), maps.Clone(st.Seen)
	return c
}

// Rate is steps per second, those of the healing included.
func (st *Stats) Rate() float64 {
	return float64(st.Steps+st.Settled) / max(st.Elapsed, time.Microsecond).Seconds()
}

// gaps is what never happened, and so was not tested; nil if there is nothing. has
// says which functions the integration has.
func (st *Stats) gaps(has [phaseCount]bool, allowed Fault) (gaps []string) {
	for p, n := range st.Calls {
		if n == 0 && has[p] {
			gaps = append(gaps, phases[p]+" was never called")
		}
	}
	for i, name := range faultNames {
		kind := Fault(1 << i)
		if allowed&kind == 0 || kind == EffectFails && !has[performing] {
			continue
		}
		n := 0
		for v, count := range st.Verbs {
			if faultOf[v] == kind {
				n += count
			}
		}
		if n == 0 {
			gaps = append(gaps, "the fault "+name+" never happened")
		}
	}
	return append(gaps, st.unseen()...)
}

// unseen is the situations of the model that were not reached.
func (st *Stats) unseen() (gaps []string) {
	for _, name := range slices.Sorted(maps.Keys(st.Seen)) {
		if !st.Seen[name] {
			gaps = append(gaps, fmt.Sprintf("Sometimes[%q] was never seen", name))
		}
	}
	return gaps
}

// String is a few lines for a log.
func (st *Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, %d decisions in %v (%.0f a second)", st.Runs, st.Steps, st.Elapsed.Round(time.Millisecond), st.Rate())
	fmt.Fprintf(&b, "\nschedules: %s", counts(st.Schedules))
	calls := map[string]int{}
	for p, n := range st.Calls {
		calls[phases[p]] = n
	}
	fmt.Fprintf(&b, "\ncalls: %s; %d of them again after a conflict", counts(calls), st.Retried)
	fmt.Fprintf(&b, "\ncommits: %d took place, %d conflicts, %d answers lost, %d times patience ended", st.Commits, st.Conflicts, st.Unanswered, st.GaveUp)
	fmt.Fprintf(&b, "\noutcomes: %d published, %d side effects, %d failures; %d members joined, %d left", st.Published, st.Effects, st.Failures, st.Joined, st.Left)
	faults := map[string]int{}
	for v, n := range st.Verbs {
		if kind := faultOf[v]; kind != 0 {
			faults[kind.String()] += n
		}
	}
	fmt.Fprintf(&b, "\nfaults: %s", counts(faults))
	return b.String()
}

// counts prints what there is most of first.
func counts(m map[string]int) string {
	names := slices.Collect(maps.Keys(m))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	var parts []string
	for _, name := range names {
		if m[name] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
