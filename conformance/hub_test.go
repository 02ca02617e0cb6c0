package conformance_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// hub is a handle's subscriptions as brokers have them that subscribe to a room
// once at the store, whose answer takes some time. It is right, but for its
// flaw.
type hub struct {
	flaw hubFlaw

	mu    sync.Mutex // protects rooms, and what is in them
	rooms map[broker.Key]*hubRoom
}

// hubRoom is the subscriptions of a room.
type hubRoom struct {
	ready chan struct{} // closed when the store has answered
	err   error         // of that
	sub   broker.Subscription
	local []*hubSubscription
	count int
}

type hubSubscription struct {
	hub   *hub
	key   broker.Key
	room  *hubRoom
	in    *inbox
	since broker.Position // what is not later is from before
}

// hubFlaw is what is wrong with a hub.
type hubFlaw int

const (
	secondReturnsEarly hubFlaw = iota + 1
	closeEndsRoom              // also for others
	closeCountsTwice
	unsubscribesLate // although somebody has subscribed again
)

// hubs is the good broker with a hub in each handle.
func hubs(f hubFlaw) func() conformance.Harness {
	return func() conformance.Harness {
		return twistMemory(func() twist {
			h := &hub{flaw: f, rooms: map[broker.Key]*hubRoom{}}
			return twist{subscribe: h.subscribe, commit: h.commit}
		})
	}
}

func (h *hub) subscribe(b broker.Broker, ctx context.Context, key broker.Key, handler broker.Handler) (broker.Subscription, error) {
	record, err := b.Load(ctx, key, false)
	if err != nil {
		return nil, err
	}
	s := &hubSubscription{hub: h, key: key, in: &inbox{handler: handler}, since: record.At}
	h.mu.Lock()
	r, ok := h.rooms[key]
	if !ok {
		r = &hubRoom{ready: make(chan struct{})}
		h.rooms[key] = r
	}
	s.room = r
	r.local = append(r.local, s)
	r.count++
	h.mu.Unlock()
	if ok {
		if h.flaw != secondReturnsEarly {
			<-r.ready
		}
		return s, nil
	}
	pause(time.Millisecond)
	r.sub, r.err = b.Subscribe(ctx, key, broker.Handler{
		Message: func(m broker.Message) {
			h.each(r, func(s *hubSubscription) {
				if m.At.Epoch != s.since.Epoch || m.At.Seq > s.since.Seq {
					s.in.hear().Message(m)
				}
			})
		},
		Gap: func(reason error) { h.each(r, func(s *hubSubscription) { s.in.gap(reason) }) },
	})
	close(r.ready)
	return s, r.err
}

func (h *hub) commit(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	pause(300 * time.Microsecond)
	return b.Commit(ctx, key, c)
}

// each calls f for the subscriptions of r.
func (h *hub) each(r *hubRoom, f func(*hubSubscription)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range r.local {
		f(s)
	}
}

func (s *hubSubscription) Close(ctx context.Context) error {
	<-s.room.ready
	s.in.close()
	h, r := s.hub, s.room
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(r.local)
	r.local = slices.DeleteFunc(r.local, func(x *hubSubscription) bool { return x == s })
	if len(r.local) < before || h.flaw == closeCountsTwice {
		r.count--
	}
	if r.count > 0 && h.flaw != closeEndsRoom || h.rooms[s.key] != r {
		return nil
	}
	if h.flaw == unsubscribesLate {
		time.AfterFunc(time.Millisecond, func() { h.leave(s.key, r) })
		return nil
	}
	delete(h.rooms, s.key)
	return r.sub.Close(ctx)
}

// leave unsubscribes from a room, whoever is in it.
func (h *hub) leave(key broker.Key, r *hubRoom) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[key] == r {
		delete(h.rooms, key)
	}
	_ = r.sub.Close(context.Background()) // memory's has no error
}
