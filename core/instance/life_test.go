package instance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
)

const (
	beat  = 2 * time.Second // the default
	lease = 5 * beat
)

// mortal starts an instance with a way to the store of its own, which can be cut.
func (w *world) mortal(o *instance.Options) (*instance.Instance[who, tally], *faulty) {
	w.Helper()
	shared, own := w.store, newFaulty(w.store)
	w.store = own
	defer func() { w.store = shared }()
	own.everything.Store(true)
	return w.instance(o), own
}

// kill ends an instance without a word to anybody. What it would commit is lost.
func (w *world) kill(i *instance.Instance[who, tally], store *faulty) {
	w.Helper()
	w.leaves = true
	store.set(fails, load, commit)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := i.Shutdown(ctx); err == nil {
		w.Error("it had time to say goodbye")
	}
	synctest.Wait()
}

// saysGoodbye has Leave tell the others.
func saysGoodbye(w *world) {
	w.in.Leave = func(_ core.Conn, d who, t tally) outcome {
		if d.Room == "" {
			return outcome{}
		}
		t.Sum++
		return outcome{Room: core.Put(t), Publish: []core.Publication{core.ToAll(d.User + " left")}, Perform: []any{"bury " + d.User}}
	}
}

// wantReportsOf sees that so many of the reports so far have a text in them.
func (w *world) wantReportsOf(text string, want int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if all := strings.Join(w.reports, "\n"); strings.Count(all, text) != want {
		w.Errorf("reported:\n%s\nwant %d times: %s", all, want, text)
	}
}

// records are est's own that have members.
func (w *world) records(writers ...string) (list []string) {
	w.Helper()
	for _, room := range append(writers, core.Directory) {
		rec, err := w.store.Broker.Load(context.Background(), broker.Key{Namespace: core.Records("talk"), Room: room}, true)
		if err != nil {
			w.Fatal(err)
		}
		for _, m := range rec.Members {
			if !strings.HasPrefix(m.ID, "last/") {
				list = append(list, room+": "+m.ID)
			}
		}
	}
	return list
}

// writerOf is the name of the instance that has a user in a room.
func (w *world) writerOf(i *instance.Instance[who, tally], room, user string) string {
	w.Helper()
	ms, err := i.Members(context.Background(), room)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range ms {
		if m.Identity == user {
			return m.Instance
		}
	}
	w.Fatalf("%s is not in %s", user, room)
	return ""
}

// One of three dies. The others run the Leaves of its members, once, within a
// lease and two heartbeats; in the end nothing is left of it.
func TestACrashIsALeave(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		var p performer
		one, two := w.instance(&instance.Options{Perform: p.perform}), w.instance(&instance.Options{Perform: p.perform})
		three, store := w.mortal(&instance.Options{Perform: p.perform})
		ann, bob := w.join(one, "ann", "r"), w.join(two, "bob", "r")
		w.join(three, "carl", "r")
		w.join(three, "dora", "s")
		writer := "instance/" + w.writerOf(one, "r", "carl")
		time.Sleep(10 * beat)
		w.kill(three, store)
		began := time.Now()
		ann.want(`"carl left"`)
		bob.want(`"carl left"`)
		if took := time.Since(began); took < lease-beat || took > lease+2*beat {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		if m := w.members("r") + "," + w.members("s"); m != "ann bob," && m != "bob ann," {
			t.Errorf("members: %s", m)
		}
		if list := w.records(writer); len(list) != 5 {
			t.Errorf("the list is kept for a while, but there is %q", list)
		}
		time.Sleep(2 * time.Hour)
		ann.wantNothing()
		bob.wantNothing()
		if v := w.value("r"); v != `{"sum":1,"chain":null}` {
			t.Errorf("state: %s", v)
		}
		if list := w.records(writer); len(list) != 2 {
			t.Errorf("left: %q", list)
		}
		slices.Sort(p.done) // rooms are reaped beside each other
		p.want(w, "bury carl", "bury dora")
	})
}

// Everybody dies. The next one to start does what is left to do.
func TestAllDied(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		one, store1 := w.mortal(nil)
		two, store2 := w.mortal(nil)
		w.join(one, "ann", "r")
		w.join(two, "bob", "r")
		w.kill(one, store1)
		w.kill(two, store2)
		time.Sleep(24 * time.Hour)
		var p performer
		w.instance(&instance.Options{Perform: p.perform})
		time.Sleep(lease + 2*beat)
		synctest.Wait()
		if m, v := w.members("r"), w.value("r"); m != "" || v != `{"sum":2,"chain":null}` {
			t.Errorf("members %q, state %s", m, v)
		}
		time.Sleep(2 * time.Hour)
		if list := w.records(); len(list) != 1 {
			t.Errorf("left: %q", list)
		}
	})
}

// An instance that stood still finds out that it was given up: its connections are
// told to come back, it goes on under another name, and nothing is left of both.
func TestPausedInstance(t *testing.T) {
	for name, k := range map[string]kind{"fails": fails, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				saysGoodbye(w)
				var p performer
				one := w.instance(&instance.Options{Perform: p.perform})
				two, store := w.mortal(&instance.Options{Perform: p.perform, Patience: 15 * time.Second})
				ann, bob := w.join(one, "ann", "r"), w.join(two, "bob", "r")
				eve := w.dial(two, nil)
				eve.send(who{"eve", ""})
				eve.want(`"in "`)
				before := w.writerOf(one, "r", "bob")
				store.set(k, load, commit)
				ann.want(`"bob left"`)
				bob.wantNothing()
				bob.send(wish{N: 1, Add: 7})  // waits for the store
				late := w.dial(two, nil)      // so does this
				late.send(who{"late", "new"}) // and has no room on the list
				time.Sleep(10 * time.Second)  // meanwhile
				store.heal()
				bob.wantClosed(1012, comeBack)
				late.wantClosed(1012, comeBack)
				ann.wantNothing() // no second Leave
				eve.wantNothing() // she is in no room
				bob = w.join(two, "bob", "r")
				w.join(two, "late", "new")
				if after := w.writerOf(one, "r", "bob"); after == before {
					t.Errorf("it is still %s", after)
				}
				eve.send(wish{N: 1, Go: new("r")})
				eve.want(reply(1, "", 0), `"in r"`)
				time.Sleep(2 * time.Hour)
				if v := w.value("r"); v != `{"sum":1,"chain":null}` {
					t.Errorf("state: %s", v)
				}
				if list := w.records("instance/" + before); len(list) != 2 {
					t.Errorf("left: %q", list)
				}
				bob.wantNothing()
				w.wantReportsOf("and the heartbeat stands still", 1)
				w.wantReportsOf("the others have given this instance up", 1)
			})
		})
	}
}

var comeBack = core.CloseComeBack.Reason()

// What an instance had sent before it died arrives when its rooms have been reaped:
// there is a ghost until they are looked at again, and not longer.
func TestLateJoin(t *testing.T) {
	for name, c := range map[string]struct{ arrives, until time.Duration }{
		"before the second look": {lease + 2*beat, 3*lease + 4*beat},
		"before the last look":   {10 * time.Minute, 90 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.in.Leave = func(_ core.Conn, d who, _ tally) outcome { // a change of the state would refuse the late join
					return outcome{Publish: []core.Publication{core.ToAll(d.User + " left")}}
				}
				ann := w.join(w.instance(nil), "ann", "r")
				two, store := w.mortal(nil)
				w.join(two, "bob", "r")
				time.Sleep(3 * beat)
				carl := w.dial(two, nil)
				store.set(keeps, commit)
				carl.send(who{"carl", "r"})
				synctest.Wait()
				join := store.late()
				w.kill(two, store)
				began := time.Now()
				ann.want(`"bob left"`)
				time.Sleep(c.arrives - time.Since(began))
				if _, err := w.store.Broker.Commit(context.Background(), join.key, join.commit); err != nil {
					t.Fatal(err)
				}
				if m := w.members("r"); m != "ann carl" && m != "carl ann" {
					t.Fatalf("members: %s", m)
				}
				ann.want(`"carl left"`)
				if took := time.Since(began); took > c.until {
					t.Errorf("the ghost was there until %v", took)
				}
				synctest.Wait()
				if m := w.members("r"); m != "ann" {
					t.Errorf("members: %s", m)
				}
				time.Sleep(2 * time.Hour)
				ann.wantNothing()
			})
		})
	}
}

// An outage that is longer than any lease: nobody is taken for dead because
// everybody was silent.
func TestOutageReapsNobody(t *testing.T) {
	for name, k := range map[string]kind{"fails": fails, "hangs": hangs, "loses": loses} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				saysGoodbye(w)
				w.store.everything.Store(true)
				one, two := w.instance(patient), w.instance(patient)
				ann, bob := w.join(one, "ann", "r"), w.join(two, "bob", "r")
				time.Sleep(10 * beat)
				w.store.set(k, load, commit, subscribe)
				time.Sleep(time.Hour)
				if one.Health() == nil || errors.Is(one.Health(), instance.ErrShutdown) {
					t.Errorf("health: %v", one.Health())
				}
				w.store.heal()
				time.Sleep(time.Hour)
				if err := one.Health(); err != nil {
					t.Errorf("health: %v", err)
				}
				ann.wantNothing()
				bob.wantNothing()
				w.wantReportsOf("and the heartbeat stands still", 2)
			})
		})
	}
}

// A Leave that panics costs its member only, and trips nobody up for ever.
func TestReapedLeavePanics(t *testing.T) {
	bubble(t, func(w *world) {
		w.in.Leave = func(_ core.Conn, d who, _ tally) outcome {
			if d.User == "bad" {
				panic("secret")
			}
			return outcome{Publish: []core.Publication{core.ToAll(d.User + " left")}}
		}
		one := w.instance(nil)
		two, store := w.mortal(nil)
		ann := w.join(one, "ann", "r")
		w.join(two, "bad", "r")
		w.join(two, "carl", "r")
		w.kill(two, store)
		ann.want(`"carl left"`)
		synctest.Wait()
		if m := w.members("r"); m != "ann" {
			t.Errorf("members: %s", m)
		}
		time.Sleep(2 * time.Hour)
		if list := w.records(); len(list) != 1 {
			t.Errorf("left: %q", list)
		}
		w.wantReports("Leave: panic: secret")
	})
}

// A member that can't be read is reported, and left alone; the instance that it was
// of is left to others, if it can be told which that is.
func TestReapedMemberOfAnotherSchema(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.instance(nil)
		two, store := w.mortal(nil)
		w.join(one, "ann", "r")
		w.join(two, "bob", "r")
		key := broker.Key{Namespace: "talk", Room: "r"}
		odd := []broker.MemberChange{
			{Op: broker.Add, ID: "odd", Data: []byte(`{"est":99}`)}, // may be anybody's
			{Op: broker.Add, ID: "bob's", Data: fmt.Appendf(nil, `{"est":99,"instance":%q}`, w.writerOf(one, "r", "bob"))},
			{Op: broker.Add, ID: "eve's", Data: []byte(`{"est":99,"instance":"eve"}`)}, // of no concern
		}
		if _, err := w.store.Broker.Commit(context.Background(), key, broker.Commit{ID: broker.CommitID{Writer: "x", N: 1}, Members: odd}); err != nil {
			t.Fatal(err)
		}
		w.kill(two, store)
		time.Sleep(lease + 2*beat)
		synctest.Wait()
		rec, err := w.store.Broker.Load(context.Background(), key, true)
		if err != nil || len(rec.Members) != 4 {
			t.Errorf("members: %s, %v", rec.Members, err)
		}
		w.wantReports("reap: core: decode member: schema 99 is not known here", "reap: core: decode member: schema 99 is not known here")
		time.Sleep(2 * time.Hour)
		if list := w.records(); len(list) != 2 || !strings.Contains(list[0]+list[1], "dead/") {
			t.Errorf("there is %q: a later version will not find the member", list)
		}
	})
}

// The one that begins to reap can't go on. Another takes over, and each Leave
// counts once.
func TestReapersTakeOver(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		var p performer
		var stores []*faulty
		var clients []*client
		for n := range 3 {
			i, store := w.mortal(&instance.Options{Perform: p.perform, Patience: 24 * time.Hour})
			stores = append(stores, store)
			clients = append(clients, w.join(i, fmt.Sprint("survivor", n), "other"))
		}
		dead, store := w.mortal(nil)
		for n := range 5 {
			w.join(dead, fmt.Sprint("dead", n), fmt.Sprint("r", n))
		}
		time.Sleep(3 * beat)
		for _, s := range stores {
			s.onlyTalk.Store(true)
			s.set(loses, commit) // of members: their Leaves take place, and nobody is told
		}
		w.kill(dead, store)
		time.Sleep(2 * lease)
		for n := range 5 {
			if v := w.value(fmt.Sprint("r", n)); n < 4 && v != `{"sum":1,"chain":null}` {
				t.Errorf("r%d: state %s", n, v)
			}
		}
		time.Sleep(3 * lease) // all three are at it
		for _, s := range stores {
			s.heal()
		}
		time.Sleep(2 * time.Hour)
		for n := range 5 {
			room := fmt.Sprint("r", n)
			if m, v := w.members(room), w.value(room); m != "" || v != `{"sum":1,"chain":null}` {
				t.Errorf("%s: members %q, state %s", room, m, v)
			}
		}
		if list := w.records(); len(list) != 3 {
			t.Errorf("left: %q", list)
		}
		for _, c := range clients {
			c.wantNothing()
		}
	})
}

// A shutdown leaves nothing behind; one that is cut off leaves what others find.
func TestShutdownLeavesNothing(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.instance(nil), w.instance(nil)
		w.join(one, "ann", "r")
		w.join(two, "bob", "r")
		w.join(two, "bob", "s")
		writers := []string{"instance/" + w.writerOf(one, "r", "ann"), "instance/" + w.writerOf(one, "r", "bob")}
		if list := w.records(writers...); len(list) != 7 {
			t.Errorf("there is %q", list)
		}
		w.shutdown(one)
		w.shutdown(two)
		if list := w.records(writers...); len(list) != 0 {
			t.Errorf("left: %q", list)
		}
	})
}

// A room is taken off the list when nobody is in it any more.
func TestListFollowsRooms(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		w.join(i, "ann", "r")
		list := "instance/" + w.writerOf(i, "r", "ann")
		for n := range 3 {
			c := w.join(i, "bob", "s")
			if l := w.records(list); len(l) != 4 {
				t.Errorf("there is %q", l)
			}
			c.Close()
			time.Sleep(time.Duration(n) * beat)
		}
		time.Sleep(2 * beat)
		if l := strings.Join(w.records(list), " "); l != list+": /r "+list+": alive instances: "+strings.TrimPrefix(list, "instance/") {
			t.Errorf("there is %s", l)
		}
	})
}

// Entering a room costs two round trips, and rooms that are entered at the same
// time share the commits that list them.
func TestCostOfEntering(t *testing.T) {
	bubble(t, func(w *world) {
		far := &distant{Broker: w.store.Broker, by: 100 * time.Millisecond}
		w.store.Broker = far
		i := w.instance(nil)
		time.Sleep(time.Second)
		for n := range 3 {
			began := time.Now()
			w.join(i, "ann", fmt.Sprint("room", n))
			if took := time.Since(began); took != 2*far.by {
				t.Errorf("it took %v", took)
			}
		}
		before := far.lists.Load()
		var clients []*client
		began := time.Now()
		for n := range 100 {
			c := w.dial(i, nil)
			c.send(who{"bob", fmt.Sprint("hall", n)})
			clients = append(clients, c)
		}
		for n, c := range clients {
			c.want(fmt.Sprintf("%q", fmt.Sprint("in hall", n)))
		}
		if took, lists := time.Since(began), far.lists.Load()-before; took > 3*far.by || lists > 2 {
			t.Errorf("a hundred took %v and %d commits to the list", took, lists)
		}
	})
}

// What liveness costs while nothing happens.
func TestCostOfLiving(t *testing.T) {
	bubble(t, func(w *world) {
		w.store.everything.Store(true)
		w.instance(nil)
		time.Sleep(beat / 2)
		loads, commits := w.store.called(load), w.store.called(commit)
		time.Sleep(100 * beat)
		if l, c := w.store.called(load)-loads, w.store.called(commit)-commits; l != 100 || c != 120 {
			t.Errorf("%d loads and %d commits in a hundred heartbeats, of which each lease has one more", l, c)
		}
	})
}

// What is stored, besides what the application has.
func TestCostInTheStore(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		w.join(i, "ann", "room")
		time.Sleep(100 * beat)
		bytes := func(key broker.Key, id string) (n int) {
			rec, err := w.store.Broker.Load(context.Background(), key, true)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range rec.Members {
				if strings.HasPrefix(m.ID, id) {
					n += len(m.ID) + len(m.Data)
				}
			}
			return n
		}
		records := core.Records("talk")
		list := broker.Key{Namespace: records, Room: "instance/" + w.writerOf(i, "room", "ann")}
		for name, c := range map[string]struct{ got, want int }{
			"a member": {bytes(broker.Key{Namespace: "talk", Room: "room"}, "") - len(`ann{"user":"ann","room":"room"}`), 109},
			"a room":   {bytes(list, "/") - len("room"), 1},
			"the list": {bytes(list, "a") + bytes(list, "l"), 22},
			"an entry": {bytes(broker.Key{Namespace: records, Room: core.Directory}, ""), 65},
		} {
			if c.got > c.want {
				t.Errorf("%s takes %d bytes, not %d", name, c.got, c.want)
			}
		}
	})
}

// distant is a broker whose calls take a while.
type distant struct {
	broker.Broker
	by    time.Duration
	lists atomic.Int64 // commits to lists of instances
}

func (d *distant) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	time.Sleep(d.by)
	return d.Broker.Load(ctx, key, members)
}

func (d *distant) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if strings.HasPrefix(key.Room, "instance/") {
		d.lists.Add(1)
	}
	time.Sleep(d.by)
	return d.Broker.Commit(ctx, key, c)
}

func (d *distant) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	time.Sleep(d.by)
	return d.Broker.Subscribe(ctx, key, h)
}
