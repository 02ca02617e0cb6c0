package instance

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// room drives one core.Room. Events wait in its inbox; a goroutine that exists
// only while there are any gives them to the machine and carries out the
// effects, so that one room is serial and rooms run beside each other. It does
// not return to the inbox before the store has answered: what arrives meanwhile
// is decided together.
type room[C, R any] struct {
	i   *Instance[C, R]
	key broker.Key

	// The goroutine's own.
	m        *core.Room[C, R]
	conns    map[core.ConnID]*conn[C, R]
	sub      broker.Subscription
	patience time.Time // the commit under way is asked for until then

	mu       sync.Mutex // protects what follows
	inbox    []item[C, R]
	messages int  // of the broker, in the inbox
	gap      bool // the inbox was full: messages were dropped after what is in it
	running  bool // the goroutine exists
	dropped  bool // nothing is taken in any more
}

// item is an event in an inbox, with the connection that it is of, if any.
type item[C, R any] struct {
	ev   core.Event
	c    *conn[C, R]
	slot bool // it holds one of the connection's slots until it was decided
}

func (i *Instance[C, R]) newRoom(key string, after uint64) *room[C, R] {
	return &room[C, R]{
		i: i, key: broker.Key{Namespace: i.in.Name, Room: key},
		m:     core.NewRoom(&i.in, key, i.writer, after, &core.RoomOptions{Batch: i.o.Batch, Hold: i.o.Hold}),
		conns: map[core.ConnID]*conn[C, R]{},
	}
}

// enter posts to the room of key, which is made if there is none.
func (i *Instance[C, R]) enter(key string, items ...item[C, R]) *room[C, R] {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.rooms[key]
	if r == nil {
		r = i.newRoom(key, i.numbers)
		i.rooms[key] = r
	}
	r.post(items...)
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

// wakeUp has the goroutine see that the instance was cut off.
func (r *room[C, R]) wakeUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake()
}

// wake starts the goroutine. r.mu is held.
func (r *room[C, R]) wake() {
	if !r.running {
		r.running = true
		r.i.work(1)
		go r.run()
	}
}

// handler takes in what the subscription brings. It never blocks.
func (r *room[C, R]) handler() broker.Handler {
	return broker.Handler{
		Message: func(m broker.Message) {
			r.mu.Lock()
			defer r.mu.Unlock()
			switch {
			case r.dropped:
			case r.gap || r.messages >= r.i.o.Hold:
				r.gap = true
			default:
				r.messages++
				r.inbox = append(r.inbox, item[C, R]{ev: core.Delivered{
					Now: time.Now(), At: core.Position(m.At), Version: string(m.Version), Body: m.Body}})
				r.wake()
			}
		},
		Gap: func(error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !r.dropped {
				r.gap = true
				r.wake()
			}
		},
	}
}

// run is the room's goroutine.
func (r *room[C, R]) run() {
	defer r.i.work(-1)
	var (
		items, spare []item[C, R]
		events       []core.Event
		effects      []core.Effect
	)
	for r.i.life.Err() == nil {
		r.mu.Lock()
		if len(r.inbox) == 0 && !r.gap {
			idle := r.m.Idle()
			r.inbox = nil
			r.running = false
			r.mu.Unlock()
			if idle {
				r.drop()
			}
			return
		}
		items, r.inbox = r.inbox, spare[:0]
		gap := r.gap
		r.messages, r.gap = 0, false
		r.mu.Unlock()

		events = events[:0]
		for _, it := range items {
			switch it.ev.(type) {
			case core.Opened, core.Entered:
				r.conns[it.c.id] = it.c
			}
			events = append(events, it.ev)
		}
		if gap {
			events = append(events, core.Doubted{})
		}
		for len(events) > 0 && r.i.life.Err() == nil {
			effects = r.m.Step(effects[:0], events...)
			clear(events)
			events = r.carryOut(effects, events[:0])
			clear(effects)
		}
		for _, it := range items {
			if it.slot {
				it.c.free()
			}
		}
		clear(items)
		spare = items
	}
	r.abandon()
}

// carryOut does what the machine asked for, and appends the store's answers to
// events.
func (r *room[C, R]) carryOut(effects []core.Effect, events []core.Event) []core.Event {
	var subscribe bool
	for _, fx := range effects {
		switch fx := fx.(type) {
		case core.Send:
			for _, id := range fx.To {
				if c := r.conns[id]; c != nil {
					c.send(fx.Message)
				}
			}
		case core.Close:
			if c := r.conns[fx.Conn]; c != nil {
				c.finish(fx.Code, fx.Code.Reason())
			}
		case core.Perform:
			if c := r.conns[fx.Conn]; c != nil {
				c.perform(fx.Effect)
			}
		case core.Move:
			r.move(fx)
		case core.Gone:
			delete(r.conns, fx.Conn)
		case core.Report:
			r.i.report(errors.New(fx.Text), fx.What, fx.Conn, r.key.Room)
		case core.Subscribe:
			subscribe = true
		case core.Unsubscribe:
			events = append(events, r.unsubscribe())
		case core.Load:
			if !subscribe {
				events = append(events, r.load())
				continue
			}
			subscribe = false
			events = append(events, r.subscribeAndLoad()...)
		case core.Commit:
			events = append(events, r.commit(fx))
		}
	}
	if subscribe {
		events = append(events, r.subscribe())
	}
	return events
}

// move hands a connection to another room, with all that waits of it: what the
// machine had, then what is in the inbox, then what comes from now on.
func (r *room[C, R]) move(fx core.Move) {
	c := r.conns[fx.Conn]
	delete(r.conns, fx.Conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	items := []item[C, R]{{ev: fx.Entered, c: c}}
	for _, ev := range fx.Waiting {
		items = append(items, item[C, R]{ev: ev, c: c})
	}
	r.mu.Lock()
	r.inbox = slices.DeleteFunc(r.inbox, func(it item[C, R]) bool {
		if it.c == c {
			items = append(items, it)
		}
		return it.c == c
	})
	r.mu.Unlock()
	if fx.Room == "" {
		c.home = c.lobby
		c.home.post(items...)
		return
	}
	c.home = r.i.enter(fx.Room, items...)
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
	if r.running || r.dropped || len(r.inbox) > 0 || r.gap || !r.m.Idle() {
		return
	}
	r.dropped = true
	r.i.numbers = max(r.i.numbers, r.m.Number())
	delete(r.i.rooms, r.key.Room)
}
