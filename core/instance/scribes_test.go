package instance_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
)

// Peers that do not read hold nobody up for long, however many they are: as many as
// run at once for no time at all, more until there are enough scribes, which each two
// beats doubles.
func TestStuckPeers(t *testing.T) {
	for stuck, most := range map[int]time.Duration{runtime.GOMAXPROCS(0): 0, 100: 100 * time.Millisecond} {
		t.Run(fmt.Sprint(stuck), func(t *testing.T) {
			bubble(t, func(w *world) {
				i := w.instance(nil)
				gate := make(chan struct{})
				var peers []*direct
				for range stuck {
					d := w.direct(i, "r")
					d.write = func() error { <-gate; return errors.New("gone") }
					peers = append(peers, d)
				}
				bob := w.join(i, "bob", "r")
				began := time.Now()
				for n := range 50 {
					if err := i.Publish(context.Background(), "r", core.ToAll(n)); err != nil {
						w.Fatal(err)
					}
					bob.want(fmt.Sprint(n))
					if took := time.Since(began); took > most {
						w.Fatalf("others waited for %v", took)
					}
					synctest.Wait()
					began, most = time.Now(), 0 // once there are enough of them
				}
				close(gate)
				for _, d := range peers {
					d.ends()
				}
				synctest.Wait()
				if all, kept := i.Scribes(); all > kept {
					w.Errorf("%d scribes are left, want at most %d", all, kept)
				}
				w.wantReports()
			})
		})
	}
}

// What the room decides together for a connection leaves in one Write.
func TestTogetherInOneWrite(t *testing.T) {
	bubble(t, func(w *world) {
		i, err := instance.New(w.in, slowBroker{w.store}, nil)
		if err != nil {
			w.Fatal(err)
		}
		w.instances = append(w.instances, i)
		d := &direct{}
		var writes atomic.Int64
		d.write = func() error { writes.Add(1); return nil }
		if d.BatchReceiver, err = accept(i, d); err != nil {
			w.Fatal(err)
		}
		d.Receive([]byte(`{"user":"ann","room":"r"}`))
		time.Sleep(time.Minute)
		d.gets()
		writes.Store(0)
		var want []string
		for n := range 17 {
			d.say(number(n))
			synctest.Wait() // the first is on its way, the others wait for it
			want = append(want, reply(n, "r", 0))
		}
		time.Sleep(time.Minute)
		w.got(d, want...)
		if n := writes.Load(); n != 2 {
			w.Errorf("%d Writes, want 2", n)
		}
		d.ends()
	})
}

// A connection to which something is always sent leaves the others their turns.
func TestTurnsOfOutboxes(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		_, kept := i.Scribes()
		var busy []*direct
		for range 2 * kept {
			d := w.direct(i, "r")
			writes := 0
			d.write = func() error { // something new in each of its Writes
				if writes++; writes < 50 {
					if err := i.Publish(context.Background(), "r", core.ToAll("more")); err != nil {
						return err
					}
					time.Sleep(time.Millisecond)
				}
				return nil
			}
			busy = append(busy, d)
		}
		if err := i.Publish(context.Background(), "r", core.ToAll("more")); err != nil {
			w.Fatal(err)
		}
		time.Sleep(4*time.Millisecond + 1) // a pair of Writes for each, and no beat yet
		for n, d := range busy {
			if !slices.Contains(d.gets(), `"more"`) {
				w.Errorf("number %d got nothing", n)
			}
		}
		time.Sleep(time.Minute)
		for _, d := range busy {
			d.ends()
		}
		w.wantReports()
	})
}
