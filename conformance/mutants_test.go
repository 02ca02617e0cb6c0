package conformance_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

// mutant is a broker that is wrong on purpose, and the rule that is the first to
// say so, in the order of conformance.Rules.
type mutant struct {
	name    string
	rule    string
	harness func() conformance.Harness

	// real runs it outside a bubble of testing/synctest, in real time: for those
	// that block on a lock, or leave goroutines behind that never end.
	real bool
}

var mutants = slices.Concat(
	recordMutants,
	commitMutants,
	receiptMutants,
	keyMutants,
	concurrencyMutants,
	subscriptionMutants,
	messageMutants,
	modelMutants,
	overflowMutants,
	contextMutants,
	forgettingMutants,
	closingMutants,
	connectionMutants,
	storeMutants,
)

// Each is found by its rule. That no rule before finds it is shown by
// TestCheckSurvivesMutants, which takes long.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		m.run(t, func(t *testing.T, harness func() conformance.Harness) {
			switch f := conformance.FirstFailure(harness(), m.rule); {
			case f == nil:
				t.Errorf("%s does not find it", m.rule)
			case f.Rule != m.rule:
				t.Errorf("not %s finds it, but:\n%s", m.rule, f)
			default:
				t.Logf("\n%s", f)
			}
		})
	}
}

// run is a subtest with stores of its own: harness returns that of another one.
func (m mutant) run(t *testing.T, try func(t *testing.T, harness func() conformance.Harness)) {
	seeded := func() conformance.Harness {
		h := m.harness()
		h.Seed = 1
		return h
	}
	t.Run(m.name, func(t *testing.T) {
		t.Parallel()
		if m.real {
			try(t, seeded)
			return
		}
		synctest.Test(t, func(t *testing.T) {
			try(t, seeded)
			time.Sleep(24 * time.Hour) // for what it has left behind
		})
	})
}

// A rule that finds nothing which the rules before it don't find proves nothing.
func TestEveryRuleFindsAMutant(t *testing.T) {
	for _, r := range conformance.Rules() {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.rule == r.Name }) {
			t.Errorf("%s: no mutant is found by it first: write one, or drop the rule", r.Name)
		}
	}
}

// twist replaces methods of a broker. A nil one stays; the others get the broker
// that they replace it of.
type twist struct {
	load      func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error)
	commit    func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error)
	subscribe func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error)
	close     func(b broker.Broker, ctx context.Context) error
}

type twisted struct {
	broker.Broker
	twist
}

func (t *twisted) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	if t.load == nil {
		return t.Broker.Load(ctx, key, members)
	}
	return t.load(t.Broker, ctx, key, members)
}

func (t *twisted) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if t.commit == nil {
		return t.Broker.Commit(ctx, key, c)
	}
	return t.commit(t.Broker, ctx, key, c)
}

func (t *twisted) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	if t.subscribe == nil {
		return t.Broker.Subscribe(ctx, key, h)
	}
	return t.subscribe(t.Broker, ctx, key, h)
}

func (t *twisted) Close(ctx context.Context) error {
	if t.close == nil {
		return t.Broker.Close(ctx)
	}
	return t.close(t.Broker, ctx)
}

// pause lets time pass, mostly on the clock of a bubble: so that what is wrong with
// a mutant comes to light.
func pause(d time.Duration) { time.Sleep(d) }

// What the good broker states.
const (
	valueLimit = 256 << 10
	keyLimit   = 1024
	queueLimit = 64
	retention  = 2 * time.Second
)

// memoryHarness is the good broker: handles on one memory store. In a bubble,
// its retention takes no time.
func memoryHarness() conformance.Harness {
	store := memory.New(&memory.Options{MaxValue: valueLimit, MaxKey: keyLimit, Queue: queueLimit, Retention: retention})
	subscriptions := &tally{}
	return conformance.Harness{
		Open:          func() (broker.Broker, error) { return subscriptions.handle(store.Open()), nil },
		Limits:        conformance.Limits{Value: valueLimit, Key: keyLimit, Queue: queueLimit, Retention: retention},
		Subscriptions: subscriptions.count,
	}
}

// twistMemory is the good broker with its handles twisted. each makes the twist
// of one handle; so what they share is made before.
func twistMemory(each func() twist) conformance.Harness {
	h := memoryHarness()
	open := h.Open
	h.Open = func() (broker.Broker, error) {
		b, err := open()
		return &twisted{b, each()}, err
	}
	return h
}
