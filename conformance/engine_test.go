package conformance_test

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var survive = flag.Bool("survive", false, "try all rules on all mutants: a minute")

// However wrong a broker is, each rule is in the report, the tests go on, and its own
// rule is the first to find it.
func TestCheckSurvivesMutants(t *testing.T) {
	if !*survive {
		t.Skip("without -survive")
	}
	for _, m := range mutants {
		m.run(t, func(t *testing.T, harness func() conformance.Harness) {
			r := conformance.Check(harness())
			whole(t, r)
			if len(r.Failed) == 0 {
				t.Errorf("no rule finds it, want %s", m.rule)
				return
			}
			if r.Failed[0].Rule == m.rule {
				return
			}
			// Rules that are tried at the same time share what the mutant has broken.
			if f := conformance.FirstFailure(harness()); f == nil || f.Rule != m.rule {
				t.Errorf("found by the wrong rule first, want %s:\n%s", m.rule, f)
			}
		})
	}
}

// whole wants each rule in one of the lists.
func whole(t *testing.T, r conformance.Report) {
	t.Helper()
	n := len(r.Passed) + len(r.Failed) + len(r.Skipped)
	if len(r.Failed) > 0 && r.Failed[0].Rule == "harness" {
		n--
	}
	if want := len(conformance.Rules()); n != want {
		t.Errorf("%d rules are in the report, want %d", n, want)
	}
}

// checkIn is Check in a bubble. Calls that hang go on when end is closed.
func checkIn(t *testing.T, harness func(end <-chan struct{}) conformance.Harness) (r conformance.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		h := harness(end)
		h.Seed = 1
		r = conformance.Check(h)
		close(end)
		time.Sleep(24 * time.Hour)
	})
	whole(t, r)
	return r
}

// fails wants this rule, or with "" any, to fail first, and its text to have these
// words.
func fails(t *testing.T, r conformance.Report, rule string, words ...string) {
	t.Helper()
	if len(r.Failed) == 0 {
		t.Fatalf("nothing fails, want %q", rule)
	}
	text := strings.Join(strings.Fields(r.Failed[0].String()), " ")
	if rule != "" && r.Failed[0].Rule != rule {
		t.Errorf("%s fails first, want %s", r.Failed[0].Rule, rule)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, r.Failed[0])
		}
	}
}

func allPass(t *testing.T, r conformance.Report) {
	t.Helper()
	for _, f := range r.Failed {
		t.Errorf("\n%s", f)
	}
	if len(r.Passed) == 0 {
		t.Error("nothing has passed")
	}
}

// nothing is a broker before any of it is written.
type nothing struct{}

func (nothing) Load(context.Context, broker.Key, bool) (broker.Record, error) {
	return broker.Record{}, nil
}
func (nothing) Commit(context.Context, broker.Key, broker.Commit) (broker.Receipt, error) {
	return broker.Receipt{}, nil
}
func (nothing) Subscribe(context.Context, broker.Key, broker.Handler) (broker.Subscription, error) {
	return nil, nil
}
func (nothing) Close(context.Context) error { return nil }

func TestStub(t *testing.T) {
	r := checkIn(t, func(<-chan struct{}) conformance.Harness {
		return opens(func() (broker.Broker, error) { return &nothing{}, nil })
	})
	i := slices.IndexFunc(r.Failed, func(f conformance.Failure) bool { return f.Rule == "subscriptions/established" })
	if i < 0 || r.Failed[i].Happened != "neither a subscription nor an error" {
		t.Errorf("subscriptions/established doesn't say that there is no subscription: %v", r.Failed)
	}
}

func TestSecondCloseOfASubscriptionPanics(t *testing.T) {
	fails(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			closed := make(chan struct{})
			sub, err := b.Subscribe(ctx, key, h)
			return whenClosed(sub, func() { close(closed) }), err
		}})()
	}), "subscriptions/close-twice", "no panic", "close of closed channel")
}

func TestSecondCloseOfAHandlePanics(t *testing.T) {
	fails(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		return twistMemory(func() twist {
			closed := make(chan struct{})
			return twist{close: func(b broker.Broker, ctx context.Context) error {
				close(closed)
				return b.Close(ctx)
			}}
		})
	}), "closing/twice", "no panic", "close of closed channel")
}

func TestEachMessageComesTwice(t *testing.T) {
	fails(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			return b.Subscribe(ctx, key, broker.Handler{Message: func(m broker.Message) { h.Message(m); h.Message(m) }, Gap: h.Gap})
		}})()
	}), "subscriptions/each-once", `A.Subscribe("room-1") → subscription 2`, `A's subscription 2 to "room-1" gets`)
}

func TestEachMessageIsFollowedByAGap(t *testing.T) {
	fails(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		return eachMemory(twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			return b.Subscribe(ctx, key, broker.Handler{Message: func(m broker.Message) { h.Message(m); h.Gap(errors.New("perhaps")) }, Gap: h.Gap})
		}})()
	}), "", "gap: perhaps")
}

func TestCallHangs(t *testing.T) {
	fails(t, checkIn(t, func(end <-chan struct{}) conformance.Harness {
		return twistMemory(func() twist {
			return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				<-end
				return b.Load(ctx, key, members)
			}}
		})
	}), conformance.Rules()[0].Name, "every call returns when its context ends", "A.Load has not returned 10s after that", "goroutines:")
}
