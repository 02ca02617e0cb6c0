package conformance_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

// opens is a harness without anything but Open.
func opens(open func() (broker.Broker, error)) conformance.Harness {
	return conformance.Harness{Open: open}
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
	fails(t, r, "", "another handle's Close closed this one too: does Open return the same broker each time? Return handles that close on their own")
}
