package instance_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
)

// While it is not known whether a commit took place, that is said; the same call
// is not made for ever, since the broker forgets what it has answered.
func TestOutcomeUnknown(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ctx := context.Background()
		began := time.Now()
		w.store.set(loses, commit)
		if err := i.Update(ctx, "r", add(1)); !errors.Is(err, broker.ErrOutcomeUnknown) || !errors.Is(err, errDown) {
			w.Errorf("update: %v", err)
		}
		if took := time.Since(began); took != 5*time.Minute {
			w.Errorf("it took %v", took)
		}
		w.store.heal()
		// Its writer may still be under way, and is not used again.
		for n := range 3 {
			if err := i.Update(ctx, "r", add(1)); err != nil {
				w.Errorf("update %d: %v", n, err)
			}
		}
		if v := w.value("r"); v != `{"sum":4,"chain":[1,1,1,1]}` {
			w.Errorf("state: %s", v)
		}
		short, cancel := context.WithCancel(ctx)
		w.store.set(fails, commit)
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		if err := i.Publish(short, "r", core.ToAll(1)); !errors.Is(err, broker.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
			w.Errorf("publish: %v", err)
		}
		w.store.heal()
		if err := w.store.Broker.Close(ctx); err != nil {
			w.Fatal(err)
		}
		if err := i.Publish(ctx, "r", core.ToAll(1)); !errors.Is(err, broker.ErrOutcomeUnknown) || !errors.Is(err, broker.ErrClosed) {
			w.Errorf("publish on a broker that is closed: %v", err)
		}
	})
}

// An update that never wins ends with its context, and has changed nothing.
func TestUpdateNeverWins(t *testing.T) {
	bubble(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		tries := 0
		w.store.Broker = memory.New(&memory.Options{Conflicts: func(broker.Key, broker.Commit) bool {
			if tries++; tries == 100 {
				cancel()
			}
			return true
		}})
		err := w.instance(nil).Update(ctx, "r", add(1))
		if !errors.Is(err, context.Canceled) || errors.Is(err, broker.ErrOutcomeUnknown) || tries != 100 {
			w.Errorf("after %d tries: %v", tries, err)
		}
	})
}

// A commit that a broker refuses for good is not sent again.
func TestRefusedFromOutside(t *testing.T) {
	for _, is := range []error{broker.ErrStale, broker.ErrTooLarge, broker.ErrInvalid} {
		bubble(t, func(w *world) {
			i, err := instance.New(w.in, refusing{w.store, is}, nil)
			if err != nil {
				w.Fatal(err)
			}
			w.instances = append(w.instances, i)
			began := time.Now()
			if err := i.Update(context.Background(), "r", add(1)); !errors.Is(err, is) || errors.Is(err, broker.ErrOutcomeUnknown) || time.Since(began) > 0 {
				w.Errorf("after %v: %v", time.Since(began), err)
			}
		})
	}
}

// refusing refuses all commits.
type refusing struct {
	broker.Broker
	err error
}

func (r refusing) Commit(context.Context, broker.Key, broker.Commit) (broker.Receipt, error) {
	return broker.Receipt{}, r.err
}

// Commits from outside use few writers, for the store keeps a receipt of each.
func TestWritersAreUsedAgain(t *testing.T) {
	bubble(t, func(w *world) {
		seen := &writers{Broker: w.store, seen: map[string]int{}}
		i, err := instance.New(w.in, seen, nil)
		if err != nil {
			w.Fatal(err)
		}
		w.instances = append(w.instances, i)
		for n := range 100 {
			if err := i.Publish(context.Background(), fmt.Sprint(n%7), core.ToAll(n)); err != nil {
				w.Fatal(err)
			}
		}
		synctest.Wait()
		if len(seen.seen) != 1 {
			w.Errorf("%d writers for what came one after the other", len(seen.seen))
		}
	})
}

// writers counts the commits of each writer; not for concurrent use.
type writers struct {
	broker.Broker
	seen map[string]int
}

func (s *writers) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if key.Namespace == "talk" {
		s.seen[c.ID.Writer]++
	}
	return s.Broker.Commit(ctx, key, c)
}
