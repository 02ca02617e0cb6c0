package conformance_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

var survive = flag.Bool("survive", false, "try all rules on all mutants: a minute")

// However wrong a broker is, each rule is in the report, and the tests go on.
func TestCheckSurvivesMutants(t *testing.T) {
	if !*survive {
		t.Skip("without -survive")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			check := func(t *testing.T) {
				h := m.harness()
				h.Seed = 1
				if r := conformance.Check(h); len(r.Failed) == 0 {
					t.Error("no rule finds it")
				} else {
					whole(t, r)
				}
			}
			if m.real {
				check(t)
				return
			}
			synctest.Test(t, func(t *testing.T) {
				check(t)
				time.Sleep(24 * time.Hour) // for what it has left behind
			})
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

// opens is a harness without anything but Open.
func opens(open func() (broker.Broker, error)) conformance.Harness {
	return conformance.Harness{Open: open}
}

// fails wants this rule to fail first, and its text to have these words.
func fails(t *testing.T, r conformance.Report, rule string, words ...string) {
	t.Helper()
	if len(r.Failed) == 0 {
		t.Fatalf("nothing fails, want %s", rule)
	}
	text := strings.Join(strings.Fields(r.Failed[0].String()), " ")
	if r.Failed[0].Rule != rule {
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

// closesOnce panics when it is closed again.
type closesOnce struct{ closed chan struct{} }

func (c closesOnce) close() { close(c.closed) }

func TestSecondCloseOfASubscriptionPanics(t *testing.T) {
	fails(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		return twistMemory(func() twist {
			return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				sub, err := b.Subscribe(ctx, key, h)
				if err != nil {
					return nil, err
				}
				return &subscriptionOnce{sub, closesOnce{make(chan struct{})}}, nil
			}}
		})
	}), "subscriptions/close-twice", "no panic", "close of closed channel")
}

type subscriptionOnce struct {
	broker.Subscription
	once closesOnce
}

func (s *subscriptionOnce) Close(ctx context.Context) error {
	s.once.close()
	return s.Subscription.Close(ctx)
}

func TestSecondCloseOfAHandlePanics(t *testing.T) {
	fails(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		return twistMemory(func() twist {
			once := closesOnce{make(chan struct{})}
			return twist{close: func(b broker.Broker, ctx context.Context) error {
				once.close()
				return b.Close(ctx)
			}}
		})
	}), "closing/twice", "no panic", "close of closed channel")
}

func TestEachMessageComesTwice(t *testing.T) {
	checkIn(t, func(<-chan struct{}) conformance.Harness {
		return twistMemory(func() twist {
			return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				return b.Subscribe(ctx, key, broker.Handler{Message: func(m broker.Message) { h.Message(m); h.Message(m) }, Gap: h.Gap})
			}}
		})
	})
}

func TestEachMessageIsFollowedByAGap(t *testing.T) {
	checkIn(t, func(<-chan struct{}) conformance.Harness {
		return twistMemory(func() twist {
			return twist{subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				return b.Subscribe(ctx, key, broker.Handler{Message: func(m broker.Message) { h.Message(m); h.Gap(errors.New("perhaps")) }, Gap: h.Gap})
			}}
		})
	})
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

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		open func(end <-chan struct{}) (broker.Broker, error)
		says string
	}{
		"fails":           {func(<-chan struct{}) (broker.Broker, error) { return nil, errors.New("no store") }, "no store"},
		"panics":          {func(<-chan struct{}) (broker.Broker, error) { panic("no store") }, "panic: no store"},
		"hangs":           {func(end <-chan struct{}) (broker.Broker, error) { <-end; return nil, nil }, "it has not returned in 10s"},
		"returns nothing": {func(<-chan struct{}) (broker.Broker, error) { return nil, nil }, "neither a handle nor an error"},
		"ends":            {func(<-chan struct{}) (broker.Broker, error) { runtime.Goexit(); return nil, nil }, "t.FailNow"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, at := range []int32{1, 2, 3, 20} {
				var open, closed atomic.Int32
				synctest.Test(t, func(t *testing.T) {
					store, end := memory.New(nil), make(chan struct{})
					r := conformance.Check(opens(func() (broker.Broker, error) {
						if open.Add(1) >= at {
							return c.open(end)
						}
						count := func(b broker.Broker, ctx context.Context) error {
							closed.Add(1)
							return b.Close(ctx)
						}
						return &twisted{store.Open(), twist{close: count}}, nil
					}))
					close(end)
					fails(t, r, "harness", c.says)
					if len(r.Failed) != 1 {
						t.Errorf("%d failures, want one: %s", len(r.Failed), r.Failed[len(r.Failed)-1])
					}
					if at > 2 {
						whole(t, r)
					}
				})
				if opened := min(open.Load(), at-1); closed.Load() < opened {
					t.Errorf("%d handles were opened, %d closed", opened, closed.Load())
				}
			}
		})
	}
}

// What Open returns late is closed.
func TestOpenIsLate(t *testing.T) {
	var open, closed atomic.Int32
	checkLate := func() (broker.Broker, error) {
		open.Add(1)
		time.Sleep(time.Minute)
		return &twisted{memory.New(nil), twist{close: func(b broker.Broker, ctx context.Context) error {
			closed.Add(1)
			return b.Close(ctx)
		}}}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		fails(t, conformance.Check(opens(checkLate)), "harness", "it has not returned in 10s")
		time.Sleep(time.Hour)
	})
	if open.Load() != 1 || closed.Load() != 1 {
		t.Errorf("opened %d times and closed %d times, want once", open.Load(), closed.Load())
	}
}

// uncomparable can't be compared, though its type can.
type uncomparable struct {
	broker.Broker
	what any
}

func TestHandlesThatAreNotComparable(t *testing.T) {
	allPass(t, checkIn(t, func(<-chan struct{}) conformance.Harness {
		store := memory.New(nil)
		return opens(func() (broker.Broker, error) { return uncomparable{store.Open(), []int{}}, nil })
	}))
}

func TestOneHandleForAll(t *testing.T) {
	r := checkIn(t, func(<-chan struct{}) conformance.Harness {
		store := memory.New(nil)
		return opens(func() (broker.Broker, error) { return store, nil })
	})
	allPass(t, r)
	if !slices.ContainsFunc(r.Skipped, func(s conformance.Skip) bool { return s.Rule == "closing/twice" }) {
		t.Error("closing/twice isn't skipped")
	}
}

// A wrapper of its own is no handle of its own.
func TestWrappersOfOneBroker(t *testing.T) {
	r := checkIn(t, func(<-chan struct{}) conformance.Harness {
		store := memory.New(nil)
		return opens(func() (broker.Broker, error) { return &twisted{store, twist{}}, nil })
	})
	fails(t, r, r.Failed[0].Rule, "another handle's Close closed this one too: does Open return the same broker each time? Return handles that close on their own")
}

// slow makes each call take d.
func slow(d time.Duration, retention time.Duration) conformance.Harness {
	store := memory.New(&memory.Options{Retention: retention, Queue: queueLimit})
	wait := func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("slow: %w", ctx.Err())
		}
	}
	return conformance.Harness{Limits: conformance.Limits{Retention: retention, Queue: queueLimit}, Open: func() (broker.Broker, error) {
		return &twisted{store.Open(), twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				if err := wait(ctx); err != nil {
					return broker.Record{}, err
				}
				return b.Load(ctx, key, members)
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				if err := wait(ctx); err != nil {
					return broker.Receipt{}, err
				}
				return b.Commit(ctx, key, c)
			},
			subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
				if err := wait(ctx); err != nil {
					return nil, err
				}
				return b.Subscribe(ctx, key, h)
			},
		}}, nil
	}}
}

// A store that is slow is not wrong; its retention may be so short that nothing
// can be said of it.
func TestSlowStores(t *testing.T) {
	for _, d := range []time.Duration{5 * time.Millisecond, 40 * time.Millisecond, 75 * time.Millisecond, 200 * time.Millisecond} {
		t.Run(d.String(), func(t *testing.T) {
			allPass(t, checkIn(t, func(<-chan struct{}) conformance.Harness { return slow(d, 101*d) }))
		})
	}
	t.Run("too short a retention", func(t *testing.T) {
		r := checkIn(t, func(<-chan struct{}) conformance.Harness { return slow(300*time.Millisecond, 500*time.Millisecond) })
		fails(t, r, "receipts/repeated", "the harness's retention is too short for this store: state more than 100 calls' time")
	})
}

func TestSmallestLimits(t *testing.T) {
	at := func(l conformance.Limits) conformance.Report {
		return checkIn(t, func(<-chan struct{}) conformance.Harness {
			store := memory.New(&memory.Options{MaxValue: l.Value, MaxKey: l.Key, Queue: l.Queue})
			return conformance.Harness{Limits: l, Open: func() (broker.Broker, error) { return store.Open(), nil }}
		})
	}
	allPass(t, at(conformance.Limits{Value: 1024, Key: 64, Queue: 64}))
	for _, l := range []conformance.Limits{{Value: 1023}, {Key: 63}, {Queue: 63}, {Value: -1}} {
		if r := conformance.Check(conformance.Harness{Open: memoryHarness().Open, Limits: l}); len(r.Passed) > 0 {
			t.Errorf("%+v is accepted", l)
		} else {
			fails(t, r, "harness", "Limits.", "at least")
		}
	}
}

// An in-process store may have a goroutine for each room.
func TestStoreWithAGoroutineForEachRoom(t *testing.T) {
	allPass(t, checkIn(t, func(end <-chan struct{}) conformance.Harness {
		var rooms sync.Map
		store := memory.New(nil)
		return opens(func() (broker.Broker, error) {
			return &twisted{store.Open(), twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				if _, ok := rooms.LoadOrStore(key, true); !ok {
					go func() { <-end }()
				}
				return b.Commit(ctx, key, c)
			}}}, nil
		})
	}))
}
