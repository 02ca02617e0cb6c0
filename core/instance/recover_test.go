package instance_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport/pipe"
)

// After an outage: everything recovers by itself.

// Who leaves while the broker is away, for longer than any lease, has left once when it
// is back; and who stays is still there.
func TestLeaveInAnOutage(t *testing.T) {
	for name, k := range outages {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				saysGoodbye(w)
				w.store.everything.Store(true)
				one, two := w.instance(patient), w.instance(patient)
				ann, bob := w.join(one, "ann", "r"), w.join(two, "bob", "r")
				carl := w.join(two, "carl", "r")
				w.store.set(k, load, commit, subscribe)
				carl.Abort()
				w.pass(time.Hour)
				w.leaves = true // a Leave that was forgotten keeps its room on the list
				w.store.heal()
				ann.want(`"carl left"`)
				bob.want(`"carl left"`)
				ann.send(wish{N: 1, Say: "still here"})
				ann.want(reply(1, "r", 1))
				bob.want(`"still here"`)
				if m := w.members("r"); m != "ann bob" && m != "bob ann" {
					t.Errorf("members: %s", m)
				}
				w.pass(2 * time.Hour)
				ann.wantNothing()
				bob.wantNothing()
			})
		})
	}
}

// Who dies while the broker is away is found out when it is back, and nobody else.
func TestCrashInAnOutage(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		one, store1 := w.mortal(patient)
		two, store2 := w.mortal(patient)
		three, store3 := w.mortal(patient)
		ann, bob := w.join(one, "ann", "r"), w.join(two, "bob", "r")
		w.join(three, "carl", "r")
		for _, s := range []*faulty{store1, store2, store3} {
			s.set(fails, load, commit, subscribe)
		}
		w.pass(time.Minute)
		w.kill(three, store3)
		w.pass(time.Minute)
		store1.heal()
		store2.heal()
		began := time.Now()
		for _, c := range []*client{ann, bob} {
			c.want(`"carl left"`)
		}
		if took := time.Since(began); took < lease-beat || took > lease+3*beat {
			t.Errorf("it took %v", took)
		}
		w.pass(2 * time.Hour)
		ann.wantNothing()
		bob.wantNothing()
	})
}

// A broker that comes back empty has lost all membership: who is in a room is told to
// come back, and from then on everything is as it was, also what a crash is.
func TestBrokerComesBackEmpty(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		store := &emptied{b: memory.New(nil), subs: map[*emptiedSubscription]struct{}{}}
		w.store.Broker = store
		one := w.instance(nil)
		two, way := w.mortal(nil)
		ann, bob := w.join(one, "ann", "r"), w.join(two, "bob", "r")
		eve := w.dial(one, nil)
		eve.send(who{"eve", ""})
		eve.want(`"in "`)
		w.pass(3*beat + beat/2)
		store.empty()
		ann.wantClosed(core.CloseComeBack, comeBack)
		bob.wantClosed(core.CloseComeBack, comeBack)
		ann, bob = w.join(one, "ann", "r"), w.join(two, "bob", "r") // at once, before the heartbeat sees it
		for _, c := range []*client{ann, bob} {                     // she or he may hear the other one go
			_, err := c.next()
			for err == nil {
				_, err = c.next()
			}
			if end := (*pipe.CloseError)(nil); !errors.As(err, &end) || end.Code != core.CloseComeBack {
				t.Fatalf("the end: %v", err)
			}
		}
		ann = w.join(one, "ann", "r")
		w.join(two, "bob", "r")
		w.pass(3 * lease)
		eve.wantNothing()
		if m := w.members("r"); m != "ann bob" && m != "bob ann" {
			t.Errorf("members: %s", m)
		}
		w.kill(two, way)
		began := time.Now()
		for { // goodbyes of those who were closed may come before
			m, err := ann.next()
			if err != nil {
				t.Fatal(err)
			}
			if m == `"bob left"` && w.members("r") == "ann" {
				break
			}
		}
		if took := time.Since(began); took > lease+2*beat {
			t.Errorf("it took %v", took)
		}
		w.pass(2 * time.Hour)
		ann.wantNothing()
		if list := w.records(); len(list) != 1 {
			t.Errorf("left: %q", list)
		}
	})
}

// emptied is a broker whose store can lose everything; subscriptions are made anew.
type emptied struct {
	mu   sync.Mutex // protects what follows
	b    broker.Broker
	subs map[*emptiedSubscription]struct{}
}

type emptiedSubscription struct {
	e   *emptied
	key broker.Key
	h   broker.Handler
	sub broker.Subscription // e.mu protects it
}

func (e *emptied) now() broker.Broker {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.b
}

func (e *emptied) empty() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.b = memory.New(nil)
	for s := range e.subs {
		s.sub, _ = e.b.Subscribe(context.Background(), s.key, s.h) // it is open
		s.h.Gap(errors.New("it is empty"))
	}
}

func (e *emptied) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	return e.now().Load(ctx, key, members)
}

func (e *emptied) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	return e.now().Commit(ctx, key, c)
}

func (e *emptied) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sub, err := e.b.Subscribe(ctx, key, h)
	if err != nil {
		return nil, err
	}
	s := &emptiedSubscription{e, key, h, sub}
	e.subs[s] = struct{}{}
	return s, nil
}

func (s *emptiedSubscription) Close(ctx context.Context) error {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	delete(s.e.subs, s)
	return s.sub.Close(ctx)
}

func (e *emptied) Close(ctx context.Context) error { return e.now().Close(ctx) }
