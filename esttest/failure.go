package esttest

import (
	"fmt"
	"slices"
	"time"
)

// Failure is what a check found, as the shortest history that leads to it.
type Failure struct {
	Check    string   // its name, see Checks; "Always", "Eventually" for those of the model
	Message  string   // what is wrong
	Diff     string   // what differs, where that is the point
	Steps    []string // the decisions that lead to it, as a file has them
	History  string   // all of it, and how it came about, as a drawing of at most 40 lines
	Found    int      // decisions of the run that found it
	Runs     int      // runs until then, that one included
	Schedule string   // the kind of schedule that found it
	Seed     uint64   // Options.Seed that finds it again
	Tried    int      // histories that were run to make it short

	steps []step
	story story
}

// A history that can't be made shorter may still be longer, or need more faults,
// than another one for the same bug. So a few more are looked for. The bounds are
// numbers and not times, so that the same seed gives the same on every machine.
const (
	moreRuns     = 400
	moreFailures = 5
	mostReplays  = 2500             // for all of them
	shrinkAtMost = 20 * time.Second // for an integration that is very slow
)

// failure makes what was found short, and tells its story.
func (x *explorer[C, R]) failure(found verdict, run int, kind string) *Failure {
	found, run, kind = x.unlessByChance(found, run, kind)
	least, tried := found, 0
	if found.failed.check != "growth" { // which needs a long run, and no other shows it
		least, tried = x.shortest(found, run)
	}
	f := x.tell(least)
	f.Found, f.Runs, f.Schedule, f.Seed, f.Tried = len(found.steps), run+1, kind, x.o.Seed, tried
	f.story.found = fmt.Sprintf("found in run %d (%s, seed %d): %d decisions; the shortest history has %d, after %d replays",
		f.Runs, kind, f.Seed, f.Found, len(f.steps), tried)
	if tried == 1 {
		f.story.found += "; it does not come again with the same decisions"
	}
	f.History = f.story.String()
	return f
}

// unlessByChance is what was found, unless it was by chance that it was this: a
// function that is not pure may show in many ways, and it is best to say that it
// isn't.
func (x *explorer[C, R]) unlessByChance(found verdict, run int, kind string) (verdict, int, string) {
	const attempts = 50
	x.p.repeat = often // what is random must come up nearly always
	if found.failed.check == "purity" {
		return found, run, kind
	}
	again := x.replay(found.steps)
	for n := run; again.failed == nil && n < run+attempts; n++ {
		if k, v := x.one(n); v.failed != nil && v.failed.check == "purity" {
			again, run, kind = v, n, k
		}
	}
	if again.failed != nil && again.failed.check == "purity" {
		return again, run, kind
	}
	x.p.repeat = 1
	return found, run, kind
}

// shortest looks for the shortest history that fails the same check.
func (x *explorer[C, R]) shortest(found verdict, run int) (least verdict, tried int) {
	began := time.Now()
	late := func() bool { return time.Since(began) > shrinkAtMost }
	x.said.take(found.steps)
	least, tried = shrink(found, x.attempt, shrinkBudget{stop: late})
	if tried == 1 {
		return least, tried // it does not come again
	}
	for n, more := run+1, 0; n < run+moreRuns && more < moreFailures && tried < mostReplays && !late(); n++ {
		_, v := x.one(n)
		if v.failed == nil || v.failed.check != found.failed.check {
			continue
		}
		more++
		x.said.take(v.steps)
		short, k := shrink(v, x.attempt, shrinkBudget{runs: mostReplays - tried, stop: late})
		if tried += k; sizeOf(short.steps).less(sizeOf(least.steps)) {
			least = short
		}
	}
	return least, tried
}

// attempt runs a candidate of the shrinker.
func (x *explorer[C, R]) attempt(list []step) verdict {
	v, _ := x.replayed(list, true, false)
	return v
}

// tell runs a history once more, to see what happens in it.
func (x *explorer[C, R]) tell(least verdict) *Failure {
	v, s := x.replayed(least.steps, false, true)
	again := v.failed != nil && v.failed.check == least.failed.check
	if !again {
		v.failed, v.steps, v.healed = least.failed, least.steps, least.healed
	}
	f := &Failure{Check: v.failed.check, Message: v.failed.text, Diff: v.failed.diff, steps: v.steps}
	for _, st := range v.steps {
		f.Steps = append(f.Steps, st.String())
	}
	failedAt := len(v.steps)
	if !v.healed {
		failedAt--
	}
	if !again { // what comes after is another story
		s.scenes = slices.DeleteFunc(s.scenes, func(sc scene) bool { return sc.step > failedAt })
	}
	f.story = story{
		failed: *v.failed, explanation: whatOf(v.failed.check), steps: v.steps, scenes: s.scenes, failedAt: failedAt, names: s.names,
	}
	if again && len(v.steps) <= 60 {
		f.story.needed = explain(v, x.attempt)
	}
	f.History = f.story.String()
	return f
}

func whatOf(check string) string {
	for _, c := range checks {
		if c.Name == check {
			return c.What
		}
	}
	return ""
}
