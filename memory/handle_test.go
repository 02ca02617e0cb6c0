package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

// closed checks that each call of b fails with ErrClosed, also one that another
// error would fit.
func closed(t *testing.T, what string, b *memory.Broker) {
	t.Helper()
	_, loadErr := b.Load(t.Context(), room, true)
	_, commitErr := b.Commit(t.Context(), room, broker.Commit{ID: id("closed", 1), Expect: new(broker.Version), Value: put("closed")})
	_, tooLargeErr := b.Commit(t.Context(), room, broker.Commit{ID: id(string(make([]byte, 1<<20)), 1)})
	_, subscribeErr := b.Subscribe(t.Context(), room, new(recorder).handler())
	for _, err := range []error{loadErr, commitErr, tooLargeErr, subscribeErr, broker.Publish(t.Context(), b, room, []byte("closed"))} {
		if !errors.Is(err, broker.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", what, err)
		}
	}
}

// One store: records, receipts, messages, options and who conflicts.
func TestHandlesShareTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		a := memory.New(&memory.Options{MaxValue: 6, Conflicts: func(broker.Key, broker.Commit) bool { asked.Add(1); return false }})
		b := a.Open()
		var atA, atB recorder
		subscribe(t, a, room, atA.handler())
		subscribe(t, b, room, atB.handler())
		want(t, "subscriptions", b.Subscriptions(), 2)

		c := broker.Commit{ID: id("w", 1), Expect: new(broker.Version), Value: put("by a"), Messages: [][]byte{[]byte("from a")}}
		receipt := commit(t, a, room, c)
		want(t, "the same commit at b", commit(t, b, room, c), receipt)
		want(t, "the value at b", string(load(t, b, room).Value), "by a")
		publish(t, b, room, "from b")
		want(t, "a got", atA.got(), "from a from b")
		want(t, "b got", atB.got(), "from a from b")

		_, err := b.Commit(t.Context(), room, broker.Commit{ID: id("w", 2), Value: put("7 bytes")})
		want(t, "b has the limits of the store", errors.Is(err, broker.ErrTooLarge), true)
		want(t, "commits that Conflicts was asked about", asked.Load(), 2)
	})
}

// Rule 33 for one handle, and nothing for the others: not even in the same room.
func TestCloseOfOneHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		a := memory.New(&memory.Options{Conflicts: func(broker.Key, broker.Commit) bool { asked.Add(1); return false }})
		b := a.Open()
		elsewhere := broker.Key{Namespace: "test", Room: "elsewhere"}
		var stays, staysToo, ends, stuck recorder
		held, entered, release := hold(stuck.handler())
		subscribe(t, a, room, stays.handler())
		s := subscribe(t, b, room, held)
		subscribe(t, b, elsewhere, ends.handler())
		subscribe(t, a, room, staysToo.handler())
		publish(t, b, room, "1", "2")
		<-entered

		shut := make(chan error)
		go func() { shut <- b.Close(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-shut:
			t.Fatalf("Close did not wait for the handler: %v", err)
		default:
		}
		closed(t, "while Close waits", b)
		want(t, "subscriptions while Close waits", a.Subscriptions(), 2)
		publish(t, a, room, "3")
		publish(t, a, elsewhere, "too late")
		release <- struct{}{}
		want(t, "Close", <-shut, nil)
		closed(t, "after Close", b)

		publish(t, a, room, "4")
		want(t, "a got", stays.got(), "1 2 3 4")
		want(t, "a's other subscription got", staysToo.got(), "1 2 3 4")
		want(t, "b got elsewhere", ends.got(), "")
		want(t, "b, that was stuck, got", stuck.got(), "1")
		want(t, "commits that Conflicts was asked about", asked.Load(), 0)
		want(t, "the record that a closed handle would have put", string(load(t, a, room).Version), "")
		want(t, "Close of a subscription that has ended", s.Close(t.Context()), nil)
		want(t, "Close once more", b.Close(t.Context()), nil)
		want(t, "subscriptions", a.Subscriptions(), 2)
		want(t, "Close of the other", a.Close(t.Context()), nil)
		want(t, "subscriptions in the end", a.Subscriptions(), 0)
	})
}

// A handle waits for no handler but its own: so a handler may close another one.
func TestCloseOfAnotherHandleInHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := memory.New(nil)
		b := a.Open()
		var atA, atB recorder
		h := atA.handler()
		record := h.Message
		h.Message = func(m broker.Message) {
			record(m)
			want(t, "Close of b in a handler of a", b.Close(t.Context()), nil)
			closed(t, "b", b)
		}
		subscribe(t, a, room, h)
		subscribe(t, b, room, atB.handler())
		publish(t, a, room, "1")
		synctest.Wait()
		publish(t, a, room, "2")
		want(t, "a got", atA.got(), "1 2")
		if got := atB.got(); got != "1" && got != "" { // its call may have been the later one
			t.Errorf("b got %s", got)
		}
	})
}

// The store outlives all its handles, as rule 33 has it, as long as one is held.
func TestOpenOnAClosedHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := memory.New(nil)
		c := broker.Commit{ID: id("w", 1), Value: put("stays"), Messages: [][]byte{{}}}
		receipt := commit(t, old, room, c)
		want(t, "Close", old.Close(t.Context()), nil)

		b := old.Open()
		closed(t, "the old one", old)
		want(t, "the value", string(load(t, b, room).Value), "stays")
		want(t, "the receipt of a repeated commit", commit(t, b, room, c), receipt)
		var r recorder
		subscribe(t, b, room, r.handler())
		publish(t, b, room, "again")
		want(t, "got", r.got(), "again")
		want(t, "the position", load(t, b, room).At, broker.Position{Epoch: receipt.At.Epoch, Seq: 2})
	})
}

// A commit that has begun before Close, and is to be applied after it, is not.
func TestCloseWhileACommitIsUnderWay(t *testing.T) {
	var b *memory.Broker
	b = memory.New(&memory.Options{Conflicts: func(broker.Key, broker.Commit) bool {
		want(t, "Close", b.Close(t.Context()), nil)
		return false
	}})
	other := b.Open()
	_, err := b.Commit(t.Context(), room, broker.Commit{ID: id("w", 1), Expect: new(broker.Version), Value: put("v")})
	if !errors.Is(err, broker.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	want(t, "the position", load(t, other, room).At, broker.Position{})
}

// The same without a schedule: what a handle does beside its Close is done when
// Close has returned, or isn't done at all.
func TestCloseBesideCalls(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			first := memory.New(nil)
			b := first.Open()
			var busy sync.WaitGroup
			for i := range 4 {
				busy.Add(1)
				key := broker.Key{Namespace: "test", Room: fmt.Sprint(i)}
				go func() {
					for n := uint64(1); ; n++ {
						if n == 2 {
							busy.Done()
						}
						c := broker.Commit{ID: id("w", n), Messages: [][]byte{{}}}
						if _, err := b.Commit(t.Context(), key, c); err != nil {
							want(t, "ErrClosed", errors.Is(err, broker.ErrClosed), true)
							return
						}
						h := broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}}
						s, err := b.Subscribe(t.Context(), key, h)
						if err != nil {
							want(t, "ErrClosed", errors.Is(err, broker.ErrClosed), true)
							return
						}
						if n%2 == 0 { // the others pile up, or are ended by Close
							want(t, "Close of a subscription", s.Close(t.Context()), nil)
						}
						if n == 100 {
							return
						}
					}
				}()
			}
			positions := func() (at [4]broker.Position) {
				for i := range at {
					at[i] = load(t, first, broker.Key{Namespace: "test", Room: fmt.Sprint(i)}).At
				}
				return at
			}
			busy.Wait()
			want(t, "Close", b.Close(t.Context()), nil)
			before, live := positions(), first.Subscriptions()
			synctest.Wait()
			want(t, "the positions, later", positions(), before)
			want(t, "subscriptions after Close", live, 0)
			want(t, "subscriptions, later", first.Subscriptions(), 0)
		})
	}
}

// Rule 31: a Close closes in any case. Whether it fails says whether a handler is
// running, not which of two things it looked at first.
func TestCloseWithAnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a := memory.New(nil)
		for range 100 {
			b := a.Open()
			want(t, "Close of an idle handle", b.Close(ctx), nil)
			closed(t, "an idle handle", b)
		}
		b := a.Open()
		var r recorder
		held, entered, release := hold(r.handler())
		subscribe(t, b, room, held)
		publish(t, a, room, "1", "2")
		<-entered
		start := time.Now()
		for range 100 {
			if err := b.Close(ctx); !errors.Is(err, context.Canceled) {
				t.Fatalf("Close beside a handler that runs: %v, want context.Canceled", err)
			}
		}
		want(t, "Close took", time.Since(start), 0)
		closed(t, "a handle with a handler that runs", b)
		release <- struct{}{}
		want(t, "got", r.got(), "1")
		want(t, "Close when it has ended", b.Close(ctx), nil)
	})
}
