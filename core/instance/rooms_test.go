package instance_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/memory"
)

// A function that blocks holds up its own room only.
func TestRoomsRunInParallel(t *testing.T) {
	bubble(t, func(w *world) {
		busy := make(chan struct{})
		w.in.Receive = func(c core.Conn, d who, t tally, m core.Message) outcome {
			if d.Room == "slow" {
				<-busy
			}
			return receive(c, d, t, m)
		}
		i := w.instance(nil)
		ann, bob := w.join(i, "ann", "slow"), w.join(i, "bob", "fast")
		ann.send(wish{N: 1})
		for n := range 10 {
			bob.send(wish{N: n})
			bob.want(reply(n, "fast", 0))
		}
		eve := w.join(i, "eve", "new")
		ann.wantNothing()
		close(busy)
		ann.want(reply(1, "slow", 0))
		eve.wantNothing()
	})
}

// One room runs one function at a time.
func TestRoomIsSerial(t *testing.T) {
	bubble(t, func(w *world) {
		var inside atomic.Int64
		step := make(chan struct{})
		w.in.Receive = func(c core.Conn, d who, s tally, m core.Message) outcome {
			if inside.Add(1) > 1 {
				t.Error("two functions of one room run at once")
			}
			<-step
			inside.Add(-1)
			return receive(c, d, s, m)
		}
		i := w.instance(nil)
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		ann.send(wish{N: 1, Add: 1})
		synctest.Wait()
		bob.send(wish{N: 2, Add: 1})
		synctest.Wait()
		if inside.Load() != 1 {
			t.Errorf("%d functions run", inside.Load())
		}
		close(step)
		ann.want(reply(1, "r", 1))
		bob.want(reply(2, "r", 2))
	})
}

// A room that nobody is in is dropped, and one that is made again goes on.
func TestRoomsAreDropped(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		for n := range 20 {
			ann := w.join(i, "ann", "r")
			ann.send(wish{N: n, Add: 1})
			ann.want(reply(n, "r", n+1))
			ann.Close()
			if n%2 == 0 { // else the next one comes while the room is being dropped
				synctest.Wait()
				if i.Rooms() != 0 || w.store.subscriptions.Load() != 0 {
					w.Fatalf("%d rooms, %d subscriptions", i.Rooms(), w.store.subscriptions.Load())
				}
			}
		}
	})
}

// A room that the store will never have is given up as if it couldn't be reached,
// and nothing is left of it, also of who has not waited for that.
func TestImpossibleRoom(t *testing.T) {
	bubble(t, func(w *world) {
		w.store.Broker = memory.New(&memory.Options{MaxKey: 100})
		i := w.instance(patient)
		long := strings.Repeat("x", 100)
		ann, bob := w.dial(i, nil), w.dial(i, nil)
		ann.send(who{"ann", long})
		bob.send(who{"bob", long})
		synctest.Wait()
		bob.Close()
		ann.wantGivenUp("auth", time.Now())
		synctest.Wait()
		if n := i.Rooms(); n != 0 {
			w.Errorf("%d rooms", n)
		}
	})
}

// Who loses again and again pauses, so that others finish.
func TestConflictsInARow(t *testing.T) {
	bubble(t, func(w *world) {
		var conflicts atomic.Int64
		w.store.Broker = memory.New(&memory.Options{Conflicts: func(broker.Key, broker.Commit) bool { return conflicts.Add(-1) >= 0 }})
		ann := w.join(w.instance(nil), "ann", "r")
		for n, pauses := range map[int]int{8: 0, 20: 12} {
			conflicts.Store(int64(n))
			began := time.Now()
			ann.send(wish{N: n})
			ann.want(reply(n, "r", 0))
			if took := time.Since(began); took < time.Duration(pauses)*firstPause/2 || took > time.Duration(pauses)*2*firstPause {
				w.Errorf("after %d conflicts it took %v", n, took)
			}
		}
	})
}

const firstPause = 10 * time.Millisecond // as in store.go
