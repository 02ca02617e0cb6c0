package instance_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
)

// patience is not the default, so that the option is seen to count.
const patience = 7 * time.Second

var patient = &instance.Options{Patience: patience}

// outages are the ways in which a broker can be away.
var outages = map[string]kind{"fails": fails, "hangs": hangs, "loses": loses}

// wantGivenUp sees that a client is told to try later when the patience is over,
// and not before.
func (c *client) wantGivenUp(id string, since time.Time) {
	c.w.Helper()
	time.Sleep(patience - time.Since(since) - 1)
	c.wantNothing()
	time.Sleep(time.Nanosecond)
	c.w.store.heal()
	c.want(failure(id, core.CloseTryLater, tryLater))
	c.wantClosed(core.CloseTryLater, tryLater)
	if took := time.Since(since); took != patience {
		c.w.Errorf("it took %v", took)
	}
}

func TestReceiveWaitsWithPatience(t *testing.T) {
	for name, k := range outages {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				c := w.join(w.instance(patient), "ann", "r")
				w.store.set(k, commit)
				c.send(wish{N: 1, Add: 1})
				c.wantGivenUp("comm", time.Now())
				w.wantReports("commit: instance: the broker can't be reached for 7s by now: ")
				time.Sleep(patience) // the first attempt of the Leave may hang for so long
				synctest.Wait()
				if m := w.members("r"); m != "" {
					w.Errorf("members: %s", m)
				}
			})
		})
	}
}

func TestJoinWaitsWithPatience(t *testing.T) {
	for name, k := range outages {
		for _, v := range []verb{load, commit, subscribe} {
			t.Run(fmt.Sprintf("%s %s", v, name), func(t *testing.T) {
				if v == subscribe && k == loses {
					t.Skip("the answer of Subscribe is the subscription: losing it is the broker's bug")
				}
				bubble(t, func(w *world) {
					c := w.dial(w.instance(patient), nil)
					w.store.set(k, v)
					c.send(who{"ann", "r"})
					c.wantGivenUp("auth", time.Now())
					w.store.heal()
					time.Sleep(patience) // a commit that may have been applied is known, and taken back
					synctest.Wait()
					if m := w.members("r"); m != "" {
						w.Errorf("members: %s", m)
					}
					w.mu.Lock()
					reports := w.reports // a second one, if its next call hung
					w.mu.Unlock()
					want := string(v) + ": instance: the broker can't be reached for 7s by now: "
					if len(reports) == 0 || slices.ContainsFunc(reports, func(r string) bool { return !strings.HasPrefix(r, want) }) {
						w.Errorf("reported: %q", reports)
					}
				})
			})
		}
	}
}

// Subscribing and loading at once: one patience for both.
func TestJoinWaitsWithPatienceForAll(t *testing.T) {
	for name, k := range map[string]kind{"fails": fails, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				c := w.dial(w.instance(patient), nil)
				w.store.set(k, load, subscribe, commit)
				c.send(who{"ann", "r"})
				c.wantGivenUp("auth", time.Now())
			})
		})
	}
}

// The patience may be that with the call before, if it ends nearly as late.
func TestPatienceIsKept(t *testing.T) {
	const less = patience / 16
	for idle, want := range map[time.Duration]time.Duration{0: patience, less: patience - less, less + 1: patience} {
		bubble(t, func(w *world) {
			c := w.join(w.instance(patient), "ann", "r")
			time.Sleep(idle)
			w.store.set(hangs, commit)
			began := time.Now()
			c.send(wish{N: 1, Add: 1})
			c.want(failure("comm", core.CloseTryLater, tryLater))
			if took := time.Since(began); took != want {
				w.Errorf("%v after a join it took %v; want %v", idle, took, want)
			}
			w.store.heal()
			w.wantReports("commit: instance: the broker can't be reached for 7s by now: ")
		})
	}
}

// When the patience is over it is over for all that wait in the room by then, and
// a Leave that goes on trying keeps nobody waiting longer.
func TestNobodyWaitsLonger(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(patient)
		ann, bob, eve := w.join(i, "ann", "r"), w.join(i, "bob", "r"), w.join(i, "eve", "r")
		w.store.set(hangs, commit)
		ann.send(wish{N: 1})
		began := time.Now()
		time.Sleep(patience / 2)
		bob.send(wish{N: 1})
		joe := w.dial(i, nil)
		joe.send(who{"joe", "r"})
		for who, id := range map[*client]string{ann: "comm", bob: "comm", joe: "auth"} {
			who.want(failure(id, core.CloseTryLater, tryLater))
			who.wantClosed(core.CloseTryLater, tryLater)
			if took := time.Since(began); took != patience {
				w.Errorf("it took %v", took)
			}
		}
		w.leaves = true
		// The Leaves of ann and bob are tried in turn from now on. Who floods the room
		// is closed too, and its transport is let out of Receive.
		f := w.flood(i, "r", slices.Repeat([]string{"{}"}, 100)...)
		time.Sleep(patience)
		f.goes()
		time.Sleep(time.Hour)
		began = time.Now()
		eve.send(wish{N: 1})
		eve.want(failure("comm", core.CloseTryLater, tryLater))
		if took := time.Since(began); took > patience {
			w.Errorf("behind a Leave it took %v", took)
		}
	})
}

func TestIdleMembersStay(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(patient)
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		w.store.set(fails, load, commit, subscribe)
		ann.send(wish{N: 1})
		time.Sleep(time.Hour)
		ann.want(failure("comm", core.CloseTryLater, tryLater))
		ann.wantClosed(core.CloseTryLater, tryLater)
		w.leaves = true
		bob.wantNothing()
		w.store.heal()
		bob.send(wish{N: 2, Add: 5})
		bob.want(reply(2, "r", 5))
		if m := w.members("r"); m != "bob" {
			w.Errorf("members: %s", m)
		}
	})
}

func TestLeaveIsNeverGivenUp(t *testing.T) {
	for name, k := range outages {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				i := w.instance(patient)
				ann := w.join(i, "ann", "r")
				w.join(i, "bob", "s")
				w.store.set(k, commit, load)
				ann.Abort()
				time.Sleep(time.Hour)
				w.leaves = true
				if m := w.members("r"); m != "ann" && k != loses {
					w.Errorf("members: %s", m)
				}
				w.store.heal()
				time.Sleep(patience) // at most, until a call that hangs is over
				synctest.Wait()
				if m := w.members("r") + w.members("s"); m != "bob" {
					w.Errorf("members: %s", m)
				}
				if n := i.Rooms(); n != 1 {
					w.Errorf("%d rooms", n)
				}
			})
		})
	}
}

func TestLostRepliesCountOnce(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{Patience: time.Minute})
		w.store.setTimes(loses, 3, commit)
		ann := w.join(i, "ann", "r")
		bob := w.join(i, "bob", "r")
		for n := 1; n <= 20; n++ {
			w.store.setTimes(loses, n%4, commit)
			if n%4 == 0 {
				w.store.heal()
			}
			ann.send(wish{N: n, Add: n, Say: fmt.Sprint(n)})
			ann.want(reply(n, "r", n*(n+1)/2))
			bob.want(fmt.Sprintf("%q", fmt.Sprint(n)))
		}
		ann.wantNothing()
		bob.wantNothing()
		if v, want := w.value("r"), `{"sum":210,"chain":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}`; v != want {
			w.Errorf("state: %s", v)
		}
		w.wantReports()
	})
}

// Attempts come less and less often.
func TestAttemptsAreSpread(t *testing.T) {
	bubble(t, func(w *world) {
		ann := w.join(w.instance(&instance.Options{Patience: time.Minute}), "ann", "r")
		before := w.store.called(commit)
		w.store.set(fails, commit)
		ann.send(wish{N: 1})
		time.Sleep(time.Second)
		synctest.Wait()
		first := w.store.called(commit) - before
		time.Sleep(time.Minute - 2*time.Second)
		synctest.Wait()
		all := w.store.called(commit) - before
		if first < 5 || first > 12 || all < 40 || all > 130 {
			w.Errorf("%d attempts in the first second, %d in a minute", first, all)
		}
	})
}

// A subscription that can't be ended keeps no goroutine and no client for ever.
func TestUnsubscribeFails(t *testing.T) {
	for name, k := range map[string]kind{"fails": loses, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				i := w.instance(patient)
				ann := w.join(i, "ann", "r")
				w.store.setTimes(k, 1, closeSub)
				ann.Close()
				synctest.Wait()
				bob := w.dial(i, nil)
				bob.send(who{"bob", "r"})
				bob.want(`"in r"`)
				bob.send(wish{N: 1, Add: 1})
				bob.want(reply(1, "r", 1))
				w.wantReports("unsubscribe: instance: ")
				if k == hangs {
					w.store.subscriptions.Add(-1) // ann's: the broker was told, and did not
				}
			})
		})
	}
}

// A broker that was closed under a running instance is one that can't be reached.
func TestBrokerIsClosed(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(patient)
		ann := w.join(i, "ann", "r")
		if err := w.store.Broker.Close(context.Background()); err != nil {
			w.Fatal(err)
		}
		ann.send(wish{N: 1})
		bob := w.dial(i, nil)
		bob.send(who{"bob", "s"})
		bob.wantGivenUp("auth", time.Now())
		ann.want(failure("comm", core.CloseTryLater, tryLater))
		ann.wantClosed(core.CloseTryLater, tryLater)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := i.Shutdown(ctx); err == nil {
			w.Error("a shutdown whose Leaves can't run has no error")
		}
	})
}
