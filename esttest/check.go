package esttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spinneyio/est/core"
)

// Check runs in on a simulated cluster, by many schedules, with faults, until the
// budget of o is used up, and fails t with the first thing that it finds: as the
// shortest history that leads to it, which is also saved under o.Dir and run first
// the next time. What it looks for without any code of yours is listed by
// [Checks]; m may add properties.
//
// It fails t too if in, m or o is invalid, if a function of m panics, and if a
// saved failure is not possible any more. With -v it says what was exercised.
func Check[C, R any](t testing.TB, in core.Integration[C, R], m Model[C, R], o *Options) {
	t.Helper()
	if err := validate(in, &m, o); err != nil {
		t.Fatal(err)
	}
	x := newExplorer(in, &m, o)
	err := x.check(t, func() (*Failure, string, []string) {
		rep := x.report()
		return rep.Failure, fmt.Sprintf("nothing found in %v", &rep.Stats), rep.Gaps
	})
	if err != nil {
		t.Fatal(err)
	}
}

// check runs the saved failures, then searches. It fails t with what is found, or
// tells it what was gone through, and what never happened. It returns what is wrong
// with the model.
func (x *explorer[C, R]) check(t testing.TB, search func() (found *Failure, summary string, gaps []string)) (err error) {
	t.Helper()
	defer func() {
		switch v := recover().(type) {
		case nil:
		case modelError:
			err = fmt.Errorf("esttest: the model is wrong: %s", string(v))
		default:
			panic(v)
		}
	}()
	if *flagReplay != "" {
		x.rerun(t, *flagReplay)
		return nil
	}
	paths, err := savedIn(x.o.Dir, t.Name())
	if err != nil {
		return err
	}
	for _, path := range paths {
		x.rerun(t, path)
	}
	found, summary, gaps := search()
	if found != nil {
		x.keep(t, found)
	}
	t.Logf("esttest: %s", summary)
	for _, gap := range gaps {
		t.Logf("esttest: not tested: %s", gap)
	}
	return nil
}

// keep saves a failure, and fails t with it.
func (x *explorer[C, R]) keep(t testing.TB, f *Failure) {
	t.Helper()
	path, err := save(x.o.Dir, saved{
		check: f.Check, test: t.Name(), says: f.Message, steps: f.steps,
		instances: x.o.Instances, clients: x.o.Clients, faults: x.o.Faults.kinds().String(),
	})
	if err != nil {
		t.Logf("esttest: the failure can't be saved: %v", err)
		f.story.replay = fmt.Sprintf("go test -run '%s' -esttest.seed=%d", pattern(t.Name()), f.Seed)
	} else {
		f.story.replay = replayCommand(t.Name(), path)
	}
	t.Fatalf("esttest: %v", f.story)
}

// rerun runs a saved failure.
func (x *explorer[C, R]) rerun(t testing.TB, path string) {
	t.Helper()
	f, err := readSaved(path)
	if err != nil {
		t.Fatal(err)
	}
	o := x.o
	defer func() { x.o = o }()
	x.o.Instances, x.o.Clients = max(f.instances, 1), max(f.clients, 1)
	v := x.replay(f.steps)
	switch {
	case v.failed != nil:
		told := x.tell(v)
		told.story.found = "the failure saved in " + path + " still fails"
		if v.failed.check != f.check {
			told.story.found += fmt.Sprintf(", by another check: it was %s", f.check)
		}
		told.story.replay = replayCommand(t.Name(), path)
		t.Fatalf("esttest: %v", told.story)
	case len(v.steps) == len(f.steps):
		t.Logf("esttest: the failure saved in %s is fixed: keep the file, and it is tried first each time", path)
	default:
		t.Errorf("esttest: the failure saved in %s no longer applies: %d of its %d decisions are possible, and nothing fails. Delete it, or mend it by hand: the first that isn't possible is %q",
			path, len(v.steps), len(f.steps), firstMissing(f.steps, v.steps))
	}
}

// firstMissing is the first of all that is not in done, which is a part of it in the same order.
func firstMissing(all, done []step) step {
	for i, st := range all {
		if i >= len(done) || done[i] != st {
			return st
		}
	}
	return step{}
}

func replayCommand(test, path string) string {
	return fmt.Sprintf("go test -run '%s' -esttest.replay=%s", pattern(test), path)
}

// pattern is what -run takes for exactly this test.
func pattern(test string) string {
	var parts []string
	for part := range strings.SplitSeq(test, "/") {
		parts = append(parts, "^"+part+"$")
	}
	return strings.Join(parts, "/")
}
