package memory

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/spinneyio/est/broker"
)

var deaf = broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}}

// What comes too late to be refused by ready, which is before it had the lock of
// its shard.
func TestEnterDecidesWhatIsClosed(t *testing.T) {
	other := New(nil)
	b := other.Open()
	if err := b.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, enterErr := b.enter(key(1)) // as Load does
	if enterErr == nil {
		s.mu.Unlock()
	}
	_, commitErr := b.commit(key(1), broker.Commit{ID: broker.CommitID{Writer: "w", N: 1}})
	subscribeErr := b.subscribe(key(1), &subscription{broker: b, key: key(1), inbox: b.inboxes.Open(deaf)})
	for _, err := range []error{enterErr, commitErr, subscribeErr} {
		if !errors.Is(err, broker.ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	}
	if n := other.rooms(); n != 0 {
		t.Errorf("%d rooms, want none", n)
	}
	other.apply(t, key(1), broker.Commit{ID: broker.CommitID{Writer: "w", N: 1}}) // the lock was given back
}

// A closed handle takes rooms along that were only its own, and leaves to the
// others what is to be forgotten later.
func TestClosedHandleLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(nil)
		gone := func() weak.Pointer[Broker] { // so that no variable here holds the handle
			b := a.Open()
			for i := range 100 {
				for _, of := range []*Broker{a, b, b} {
					if i%2 == 0 && of == a {
						continue
					}
					if _, err := of.Subscribe(t.Context(), key(i), deaf); err != nil {
						t.Fatal(err)
					}
				}
			}
			b.apply(t, key("b"), broker.Commit{ID: broker.CommitID{Writer: "w", N: 1}, Messages: [][]byte{{}}})
			b.apply(t, key(1), broker.Commit{ID: broker.CommitID{Writer: "w", N: 1}, Messages: [][]byte{{}}})
			if err := b.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			return weak.Make(b)
		}()
		if rooms, subscriptions := a.rooms(), a.Subscriptions(); rooms != 51 || subscriptions != 50 {
			t.Errorf("%d rooms and %d subscriptions, want 51 and 50", rooms, subscriptions)
		}
		synctest.Wait()
		runtime.GC()
		if gone.Value() != nil {
			t.Error("the store refers to a handle that is closed")
		}
		for n := range uint64(2) {
			time.Sleep(10 * time.Minute)
			a.apply(t, key("a"), broker.Commit{ID: broker.CommitID{Writer: "w", N: n + 1}})
		}
		if rooms := a.rooms(); rooms != 51 {
			t.Errorf("%d rooms, want a's 50 and the one of the last commits", rooms)
		}
	})
}
