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
	// store may, that one is never closed, and the rules about that are skipped. It
	// has Patience to return. Once it has failed it is not called again: the report
	// has one Failure named "harness", and the cases without a handle are skipped.
	//
	// Goroutines that it begins are taken for the handle's, and so are those that they
	// begin. Those of a proxy in the test would be found as a leak, unless they end
	// when the handle is closed, or begin with
	// pprof.SetGoroutineLabels(context.Background()), of runtime/pprof.
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
	// doesn't. It has to be some seconds more than the broker takes to find out that
	// a connection is dead. A call that goes on for so long after its context has
	// ended has hung. Default: 10 seconds.
	Patience time.Duration

	// Seed decides what the random cases draw. Default: 0, which takes the flag
	// -conformance.seed, or a random one. Run logs it; every Failure has it.
	Seed uint64
}

// Faults are what a harness can do to one handle, or to the store of all. A nil one
// is: it can't; the rules that need it are skipped. Those that are done to a handle
// get the very value that Open returned.
//
// A fault has happened when its function returns. Its error fails the case, as an
// error of the harness. What is done to a handle harms no other, is done to one
// handle once at a time, and to several handles by several goroutines at once. Those
// without a handle are called while no other case runs, but other handles are open.
//
// For most stores a handle has a TCP proxy to itself, through which all of its
// connections go, and the store is a process that the test can kill. Addresses stay
// what they are, since handles have to connect again by themselves.
type Faults struct {
	// Cut breaks all connections that b has to the store, so that both sides get to
	// know: a proxy closes them. What was under way may be lost. New connections
	// work at once.
	Cut func(b broker.Broker) error

	// HoldReconnect is Cut, and new connections are refused, with an error and not
	// with silence, until release is called: once, at the end of the case at the
	// latest, and perhaps after b was closed.
	HoldReconnect func(b broker.Broker) (release func(), err error)

	// LoseReply lets b's next commit reach the store and be applied there, but not
	// its answer come back: the connection breaks instead, and others of b may. New
	// ones work at once.
	//
	// The case has committed by b before, so that what is done once, such as to load
	// a script, is done; and it makes no other call of b until the commit is
	// answered. But b's own probes go on, so a proxy has to know the request of a
	// commit: it passes that on, waits for the store's answer, drops it, and cuts. If
	// a commit is several requests, that is the last one's answer.
	LoseReply func(b broker.Broker) error

	// BlackHole is a cable that is pulled: what b sends and what the store sends to
	// it goes nowhere, on all connections, and nobody gets an error. New connections
	// hang too: they are not made, or nothing gets through. Heal is called once, at
	// the end of the case at the latest, and perhaps after b was closed. From then on
	// new connections work; those from before, also from while it lasted, stay open
	// and dead, for as long as b keeps them. A proxy goes on accepting and reading,
	// drops what it reads, and closes nothing.
	BlackHole func(b broker.Broker) (heal func(), err error)

	// Restart stops the store, so that the connections of all handles break, starts
	// it again with every commit that was answered, and returns when it takes
	// connections. The harder it is stopped, the more is proven: kill it, if the
	// store promises to be durable as the harness has set it up.
	Restart func() error

	// Empty is Restart, but with nothing in the store: no records, no receipts, and
	// nothing that it counts.
	Empty func() error

	// Rollback remembers all that the store holds; it goes on meanwhile. Restore is
	// Restart, but with what was remembered, so that what was committed since is
	// lost, as after a failover to a replica that lagged behind. It is called once at
	// most.
	Rollback func() (restore func() error, err error)
}

// Limits are what a store states. A zero field is: not stated. One that is below
// its minimum is refused, since the cases could not be made.
type Limits struct {
	// Value is the most bytes that a value, a message or a member's data may have,
	// 1,024 at least. If not stated, up to 64 KiB are tried, and nothing over the
	// limit.
	Value int

	// Key is the most bytes that namespace and room of a key may have together, 64
	// at least; IDs of members and writers may have as many. If not stated, up to
	// 256 are tried, and nothing over the limit.
	Key int

	// Queue is how many messages may wait for a slow handler before there is a gap,
	// at most, and 64 at least. If not stated, 500 are tried, and it may be that all
	// arrive.
	Queue int

	// Retention is for how long receipts are kept at least, by handles as Open
	// returns them: more than 100 times as long as a call takes, or cases that look
	// at receipts fail, since they come too late. The rules about forgetting wait for
	// it to pass: open the store with a second or so. If it is not stated, or over 5
	// seconds, they are skipped.
	Retention time.Duration
}

// check refuses what is below its minimum.
func (l Limits) check() error {
	for _, x := range []struct {
		name            string
		states, atLeast int
	}{{"Value", l.Value, 1024}, {"Key", l.Key, 64}, {"Queue", l.Queue, 64}} {
		if x.states != 0 && x.states < x.atLeast {
			return fmt.Errorf("conformance: Limits.%s is %d, but has to be %d at least: open the store with more", x.name, x.states, x.atLeast)
		}
	}
	return nil
}

var seed = flag.Uint64("conformance.seed", 0, "seed of the conformance suites; 0 is a random one")

// Run proves the broker behind h: every rule is a subtest, named as in [Rules].
// It logs the seed, and at the end what failed, in the order of the rules, and what was
// skipped and why.
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
	if err := s.failed(); err != nil {
		t.Error("\n" + harnessFailure(err, s.harness.Seed).String())
	}
	t.Log(s.report().summary(t.Name()))
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
		return Report{Failed: []Failure{harnessFailure(err, h.Seed)}}
	}
	s.all()
	s.close()
	return s.report()
}
