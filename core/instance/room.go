package instance

import (
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// room drives one core.Room. Events wait in its inbox; a goroutine that exists
// only while there are any gives them to the machine and carries out the
// effects, so that one room is serial and rooms run beside each other. It does
// not return to the inbox before the store has answered, or its patience is
// over: what arrives meanwhile is decided together.
type room[C, R any] struct {
	i     *Instance[C, R]
	pulse *pulse[C, R] // of the start that it belongs to
	key   broker.Key

	// The goroutine's own.
	m         *core.Room[C, R]
	conns     map[core.ConnID]*conn[C, R]
	given     []*conn[C, R] // those whose given is not 0, or was not
	host      *conn[C, R]   // takes the turn that is under way, on its transport's goroutine
	hosted    bool          // its outbox is to be written then
	space     space[C, R]
	sub       broker.Subscription
	patience  patience  // with the store, for a load or the commit under way
	conflicts int       // in a row
	sent      time.Time // when it was sent first
	unsure    bool      // one was forgotten

	mu       sync.Mutex // protects what follows
	inbox    []item[C, R]
	messages int  // of the broker, in the inbox
	running  bool // the goroutine exists
	dropped  bool // nothing is taken in any more
}

// space is what the goroutine works in. It is kept for the next one while small.
type space[C, R any] struct {
	asks    []core.Effect
	spare   []item[C, R] // the inbox to be
	events  []core.Event
	answers []core.Event
	effects []core.Effect
	writes  []task // outboxes that have something to write
}

func (s *space[C, R]) trim() {
	s.spare, s.events, s.answers, s.effects, s.writes = small(s.spare), small(s.events), small(s.answers), small(s.effects), small(s.writes)
}

// small is the space of s, if it is worth keeping for somebody who is idle.
func small[T any](s []T) []T {
	if cap(s) > 16 {
		return nil
	}
	return s[:0]
}

// item is an event in an inbox, with the connection that it is of, if any.
type item[C, R any] struct {
	ev   core.Event
	c    *conn[C, R]
	slot bool // it holds one of the connection's slots
}

// newRoom makes one. i.mu is held, or nobody else has the instance yet.
func (i *Instance[C, R]) newRoom(key string, after uint64) *room[C, R] {
	return &room[C, R]{
		i: i, pulse: i.pulse, key: broker.Key{Namespace: i.in.Name, Room: key},
		m:     i.machines.New(key, i.pulse.writer, after, &core.RoomOptions{Batch: i.o.Batch, Hold: i.o.Hold, List: true, Wait: true}),
		conns: map[core.ConnID]*conn[C, R]{},
	}
}

// enter posts to the room of key, which is made if there is none.
func (i *Instance[C, R]) enter(key string, items ...item[C, R]) *room[C, R] {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.room(key)
	r.post(items...)
	return r
}

// room is the room of key, which is made if there is none. i.mu is held.
func (i *Instance[C, R]) room(key string) *room[C, R] {
	r := i.rooms[key]
	if r == nil {
		r = i.newRoom(key, i.numbers)
		i.rooms[key] = r
	}
	return r
}

// post puts items into the inbox. It says false if the room was dropped.
func (r *room[C, R]) post(items ...item[C, R]) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped {
		return false
	}
	r.inbox = append(r.inbox, items...)
	r.wake()
	return true
}

// receive puts messages of c into the inbox. It says false if the room was dropped. If
// the room has no goroutine, and here asks that the caller's take its place, they are
// not put there but returned: with them turn has to be called.
func (r *room[C, R]) receive(c *conn[C, R], messages [][]byte, now time.Time, here bool) (items []item[C, R], taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped {
		return nil, false
	}
	for _, m := range messages {
		r.inbox = append(r.inbox, item[C, R]{ev: core.Received{Conn: c.id, Now: now, Message: m}, c: c, slot: true})
	}
	if here && !r.running {
		r.running = true
		items, r.inbox = r.inbox, r.space.spare[:0]
		return items, true
	}
	r.wake()
	return nil, true
}

// wake starts the goroutine. r.mu is held.
func (r *room[C, R]) wake() {
	if !r.running {
		r.running = true
		r.i.work(1)
		r.i.crew.start(r)
	}
}

// take empties the inbox. It says false, and the goroutine must end, if there
// was nothing, unless there is more to do than that.
func (r *room[C, R]) take(more bool) (items []item[C, R], ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.inbox) == 0 && !more {
		r.inbox, r.running = small(r.inbox), false
		r.space.trim()
		return nil, false
	}
	items, r.inbox, r.messages = r.inbox, r.space.spare[:0], 0
	return items, true
}

// drop forgets the room, unless somebody came meanwhile. Its number lives on, so
// that a room of the same key goes on numbering after it.
func (r *room[C, R]) drop() {
	if r.key.Room == "" {
		return
	}
	r.i.mu.Lock()
	defer r.i.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running || r.dropped || len(r.inbox) > 0 || !r.m.Idle() {
		return
	}
	r.dropped = true
	r.i.numbers = max(r.i.numbers, r.m.Number())
	if _, retired := r.i.retired[r]; retired {
		delete(r.i.retired, r)
		return
	}
	delete(r.i.rooms, r.key.Room)
	r.pulse.post(core.Unwanted{Room: r.key.Room, Unsure: r.unsure}) // under i.mu: before another one is wanted
}
