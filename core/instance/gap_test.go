package instance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
)

func resync(_ core.Conn, _ who, t tally) outcome {
	return outcome{Reply: fmt.Sprintf("resync at %d", t.Sum)}
}

// A broker that is not sure, where nothing was lost, harms nobody.
func TestGapWithoutLoss(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		ann.send(wish{N: 1, Say: "before"})
		bob.want(`"before"`)
		w.store.gap("r")
		w.store.gap("r")
		ann.send(wish{N: 2, Say: "after"})
		bob.want(`"after"`)
		ann.want(reply(1, "r", 0), reply(2, "r", 0))
		w.wantReports()
	})
}

// A loss that the broker tells of closes the connections, also if nothing follows.
func TestGapCloses(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		w.store.lose(true)
		if err := i.Publish(context.Background(), "r", core.ToAll("lost")); err != nil {
			w.Fatal(err)
		}
		synctest.Wait()
		w.store.lose(false)
		w.store.gap("r")
		for _, c := range []*client{ann, bob} {
			c.wantClosed(core.CloseComeBack, core.CloseComeBack.Reason())
		}
		synctest.Wait()
		if m := w.members("r"); m != "" {
			w.Errorf("members: %s", m)
		}
	})
}

// A message that is still on its way, when the store shows that it was committed, is
// not missing: after a reconnect in a busy room there is always one.
func TestGapWithAMessageOnItsWay(t *testing.T) {
	for name, c := range map[string]struct {
		takes  time.Duration
		closes bool
	}{"soon": {time.Second - 1, false}, "never": {time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				i := w.instance(nil)
				bob := w.join(i, "bob", "r")
				w.store.delay(c.takes)
				if err := i.Publish(context.Background(), "r", core.ToAll("late")); err != nil {
					w.Fatal(err)
				}
				w.store.gap("r")
				began := time.Now()
				if c.closes {
					bob.wantClosed(core.CloseComeBack, comeBack)
					if took := time.Since(began); took != time.Second {
						w.Errorf("it took %v", took)
					}
					time.Sleep(time.Hour) // memory's own goroutine
					return
				}
				bob.want(`"late"`)
				time.Sleep(time.Hour)
				bob.wantNothing()
			})
		})
	}
}

func TestGapResyncs(t *testing.T) {
	bubble(t, func(w *world) {
		w.in.Resync = resync
		i := w.instance(nil)
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		w.store.lose(true)
		ann.send(wish{N: 1, Add: 7, Say: "lost"})
		ann.want(reply(1, "r", 7))
		synctest.Wait()
		w.store.lose(false)
		w.store.gap("r")
		ann.want(`"resync at 7"`)
		bob.want(`"resync at 7"`)
		ann.send(wish{N: 2, Say: "heard"})
		ann.want(reply(2, "r", 7))
		bob.want(`"heard"`)
		bob.wantNothing()
	})
}

// More messages than Hold wait for a room that is busy: that is a gap, and what
// the room held of them is not more than that.
func TestInboxOverflows(t *testing.T) {
	bubble(t, func(w *world) {
		busy := make(chan struct{})
		w.in.Resync = resync
		w.in.Receive = func(c core.Conn, d who, t tally, m core.Message) outcome {
			<-busy
			return receive(c, d, t, m)
		}
		i := w.instance(&instance.Options{Hold: 10})
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		for _, n := range []int{10, 11, 15} {
			ann.send(wish{N: n})
			synctest.Wait()
			for k := range n {
				if err := i.Publish(context.Background(), "r", core.ToAll(k)); err != nil {
					w.Fatal(err)
				}
				synctest.Wait()
			}
			busy <- struct{}{}
			ann.want(reply(n, "r", 0))
			for k := range 10 {
				bob.want(fmt.Sprint(k))
				ann.want(fmt.Sprint(k))
			}
			if n > 10 {
				bob.want(`"resync at 0"`)
				ann.want(`"resync at 0"`)
			}
			bob.wantNothing()
			ann.wantNothing()
		}
	})
}
