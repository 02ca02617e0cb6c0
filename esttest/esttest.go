package esttest

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spinneyio/est/core"
)

// Options are limits and budgets. nil and zero fields are the defaults.
type Options struct {
	Instances int           // simulated instances; 2
	Clients   int           // clients, each of which may connect several times; 4
	Steps     int           // decisions in one run at most; 200
	Faults    Faults        // which kinds, how many; what the Redis broker can really do
	Runs      int           // at most; as many as fit into Time
	Time      time.Duration // budget; 1 s, with -short 200 ms; none if Runs is given
	Seed      uint64        // of all that is random; drawn anew each time, and printed with a failure
	Disable   []string      // names of built-in checks (see Checks) that do not hold for this integration by design
	Dir       string        // for saved failures; testdata/esttest
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	d.Instances = cmp.Or(d.Instances, 2)
	d.Clients = cmp.Or(d.Clients, 4)
	d.Steps = cmp.Or(d.Steps, 200)
	d.Faults.Max = cmp.Or(d.Faults.Max, 6)
	d.Dir = cmp.Or(d.Dir, "testdata/esttest")
	if d.Time == 0 && d.Runs == 0 {
		d.Time = time.Second
		if testing.Testing() && testing.Short() {
			d.Time = 200 * time.Millisecond
		}
	}
	if *flagTime > 0 {
		d.Time, d.Runs = *flagTime, 0
	}
	d.Seed = cmp.Or(*flagSeed, d.Seed)
	for d.Seed == 0 {
		d.Seed = rand.Uint64()
	}
	return d
}

var (
	flagSeed   = flag.Uint64("esttest.seed", 0, "esttest: seed of all that is random; 0 draws one")
	flagTime   = flag.Duration("esttest.time", 0, "esttest: time that each Check may take, instead of its own budget")
	flagReplay = flag.String("esttest.replay", "", "esttest: run nothing but this saved failure")
)

// Report is what was found, and what was exercised.
type Report struct {
	Failure *Failure // nil: nothing was found
	Stats   Stats
	Gaps    []string // what never happened, and so was not tested
}

// validate says everything that is wrong with what the user passed.
func validate[C, R any](in core.Integration[C, R], m *Model[C, R], o *Options) error {
	errs := []error{in.Validate()}
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("esttest: "+format, args...))
		}
	}
	bad(m.Client == nil, "Model.Client is nil: it generates what a client sends, the hello first")
	if o != nil {
		bad(o.Instances < 0, "Options.Instances is negative")
		bad(o.Clients < 0, "Options.Clients is negative")
		bad(o.Steps < 0, "Options.Steps is negative")
		bad(o.Runs < 0, "Options.Runs is negative")
		bad(o.Time < 0, "Options.Time is negative")
		bad(o.Faults.Max < 0, "Options.Faults.Max is negative: NoFaults is the kind for none")
		bad(o.Faults.Kinds&^(allFaults|NoFaults) != 0, "Options.Faults.Kinds has unknown kinds: %v", o.Faults.Kinds)
		for _, name := range o.Disable {
			bad(!isCheck(name), "Options.Disable names %q, and there is no such check: see Checks", name)
		}
	}
	for name, f := range m.Sometimes {
		bad(f == nil, "Model.Sometimes[%q] is nil", name)
	}
	return errors.Join(errs...)
}

// Explore is [Check] without a testing.TB, and without saved failures: it says what
// was found, and what was exercised. It panics if in, m or o is invalid, or if a
// function of m panics.
func Explore[C, R any](in core.Integration[C, R], m Model[C, R], o *Options) Report {
	if err := validate(in, &m, o); err != nil {
		panic(err.Error())
	}
	return newExplorer(in, &m, o).report()
}

func (x *explorer[C, R]) report() Report {
	found, run, kind := x.explore()
	rep := Report{Stats: x.stats.clone(), Gaps: x.gaps()} // before more runs are done for a failure
	if found.failed != nil {
		rep.Failure = x.failure(found, run, kind)
	}
	return rep
}

func (x *explorer[C, R]) gaps() []string {
	has := [phaseCount]bool{authenticating: true, joining: true, receiving: true, leaving: true}
	has[delivering] = x.p.user.Deliver != nil
	has[resyncing] = x.p.user.Resync != nil
	has[performing] = x.p.user.Performed != nil
	return x.stats.gaps(has, x.o.Faults.kinds())
}
