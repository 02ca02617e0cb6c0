package memory

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
)

// rooms counts what the broker holds.
func (b *Broker) rooms() (n int) {
	for i := range b.shards {
		n += len(b.shards[i].rooms)
	}
	return n
}

func key(room any) broker.Key { return broker.Key{Namespace: "test", Room: fmt.Sprint(room)} }

func (b *Broker) apply(t *testing.T, k broker.Key, c broker.Commit) broker.Receipt {
	t.Helper()
	receipt, err := b.Commit(t.Context(), k, c)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// A million inboxes, or some fewer, written from outside, that nobody ever
// joined, do not stay.
func TestInboxesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const inboxes = 10_000
		b := New(nil)
		for i := range inboxes {
			if err := broker.Publish(t.Context(), b, key(i), []byte("you have mail")); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d rooms, want %d", what, got, want)
			}
		}
		want("at once", b.rooms(), inboxes)
		heartbeat := uint64(0)
		beat := func(times int) {
			for range times {
				heartbeat++
				b.apply(t, key("directory"), broker.Commit{ID: broker.CommitID{Writer: "instance", N: heartbeat}})
			}
		}
		most := inboxes/sweepMost + 2
		time.Sleep(10*time.Minute - 1)
		beat(most)
		want("before the first retention time is over", b.rooms(), inboxes+1)
		time.Sleep(time.Nanosecond)
		beat(most)
		want("after it", b.rooms(), inboxes+1) // receipts have been kept once
		time.Sleep(10 * time.Minute)
		beat(most)
		want("after the second one", b.rooms(), 1)
		time.Sleep(20 * time.Minute)
		beat(1) // looks after its own room too
		want("of the living", b.rooms(), 1)
	})
}

// A receipt lives for one to two retention times.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const keep = time.Minute
		b := New(&Options{Retention: keep})
		c := broker.Commit{ID: broker.CommitID{Writer: "late", N: 5}, Value: broker.Change{Op: broker.Put}}
		other := func(n uint64) {
			t.Helper()
			b.apply(t, key("other"), broker.Commit{ID: broker.CommitID{Writer: "w", N: n}})
		}
		b.apply(t, key(1), broker.Commit{ID: broker.CommitID{Writer: "first", N: 1}})
		time.Sleep(keep - 1) // the worst moment: just before the room is aged
		receipt := b.apply(t, key(1), c)
		time.Sleep(time.Nanosecond)
		other(1)
		time.Sleep(keep - 2)
		other(2)
		if again := b.apply(t, key(1), c); again != receipt {
			t.Errorf("within the retention time: %+v, want %+v", again, receipt)
		}
		stale := c
		stale.ID.N = 4
		if _, err := b.Commit(t.Context(), key(1), stale); !errors.Is(err, broker.ErrStale) {
			t.Errorf("within the retention time: %v, want ErrStale", err)
		}
		time.Sleep(keep)
		other(3)
		b.apply(t, key(1), stale) // forgotten, and the record with its value is not
		if after := b.apply(t, key(1), stale); after.At.Epoch != receipt.At.Epoch {
			t.Errorf("another epoch: %+v after %+v", after, receipt)
		}
	})
}

// Values and members keep a room, and a subscription keeps nothing but itself.
func TestWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(nil)
		id := broker.CommitID{Writer: "w", N: 1}
		value, member, subscribed := key("value"), key("member"), key("subscribed")
		b.apply(t, value, broker.Commit{ID: id, Value: broker.Change{Op: broker.Put}})
		b.apply(t, member, broker.Commit{ID: id, Members: []broker.MemberChange{{Op: broker.Add, ID: "x"}}})
		b.apply(t, key("deleted"), broker.Commit{ID: id, Value: broker.Change{Op: broker.Delete}})
		if _, err := b.Commit(t.Context(), key("refused"), broker.Commit{ID: id, Members: []broker.MemberChange{{ID: "x"}}}); err == nil {
			t.Error("a commit that requires nobody was applied")
		}
		var epochs []string
		s, err := b.Subscribe(t.Context(), subscribed, broker.Handler{
			Message: func(m broker.Message) { epochs = append(epochs, fmt.Sprintf("%s %d", m.At.Epoch, m.At.Seq)) },
			Gap:     func(err error) { t.Error(err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		b.apply(t, subscribed, broker.Commit{ID: id, Messages: [][]byte{{}, {}}})
		for range 3 {
			time.Sleep(10 * time.Minute)
			b.sweep()
		}
		for k, stays := range map[broker.Key]bool{value: true, member: true, key("deleted"): false, subscribed: false, key("refused"): false} {
			record, err := b.Load(t.Context(), k, false)
			if err != nil || (record.At.Epoch != "") != stays {
				t.Errorf("%s: %+v, %v; stays is to be %v", k, record, err, stays)
			}
		}
		if n := b.rooms(); n != 3 {
			t.Errorf("%d rooms, want value, member and subscribed", n)
		}
		if b.retention.head != nil || b.retention.first.Load() != 0 {
			t.Error("a room without receipts waits to be aged")
		}
		b.apply(t, subscribed, broker.Commit{ID: broker.CommitID{Writer: "w", N: 2}, Messages: [][]byte{{}}})
		synctest.Wait()
		if got := fmt.Sprint(epochs); got != "[w-1 1 w-1 2 w-2 1]" {
			t.Errorf("the subscription got %s", got)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Minute)
		b.sweep()
		time.Sleep(10 * time.Minute)
		b.sweep()
		if n := b.rooms(); n != 2 {
			t.Errorf("%d rooms, want value and member", n)
		}
	})
}

// The last subscription of a room that was never written takes it along.
func TestSubscriptionsLeaveNoRoom(t *testing.T) {
	b := New(nil)
	for i := range 100 {
		s, err := b.Subscribe(t.Context(), key(i), broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.rooms(); n != 0 {
		t.Errorf("%d rooms are left", n)
	}
}
