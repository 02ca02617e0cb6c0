package instance

import (
	"errors"
	"slices"
	"time"

	"github.com/spinneyio/est/core"
)

// onTheWay is how long a message may be on its way from the store, when its position
// shows that it was committed.
const onTheWay = time.Second

// run is the room's goroutine.
func (r *room[C, R]) run() {
	defer r.i.work(-1)
	for items, ok := r.next(); ok; items, ok = r.next() {
		r.round(items)
	}
}

// turn handles items of a lobby, on the goroutine of the host's transport, which has
// other things to do than what comes meanwhile: that is left to a goroutine of the
// lobby's own. It says true if the host's outbox is to be written. A shutdown waits for
// the host, and so for this.
func (r *room[C, R]) turn(host *conn[C, R], items []item[C, R]) (write bool) {
	r.host = host
	r.round(items)
	write, r.host, r.hosted = r.hosted, nil, false
	if items, ok := r.next(); ok { // mostly there is nothing
		r.round(items)
		r.i.work(1)
		r.i.crew.start(r)
	}
	return write
}

// next is what is in the inbox. It says false, and the goroutine must end, if there
// is no more to do.
func (r *room[C, R]) next() (items []item[C, R], ok bool) {
	if r.i.life.Err() != nil {
		r.abandon()
		return nil, false
	}
	idle := r.m.Idle()
	items, ok = r.take(len(r.space.answers) > 0)
	if !ok && idle {
		r.drop()
	}
	return items, ok
}

// round handles items.
func (r *room[C, R]) round(items []item[C, R]) {
	s := &r.space
	// That the patience is over comes last: it goes for all that has arrived.
	s.events = append(r.feed(s.events[:0], items), s.answers...)
	clear(items)
	s.spare = items
	s.answers = r.decide(s.events, s.answers)
	clear(s.events)
}

// feed appends the events of items, and takes notice of their connections.
func (r *room[C, R]) feed(events []core.Event, items []item[C, R]) []core.Event {
	for _, it := range items {
		switch it.ev.(type) {
		case core.Opened, core.Entered:
			r.conns[it.c.id] = it.c
		case core.Orphaned:
			if r.conns[it.c.id] != nil { // its Leave waits already
				it.c.orphan.gone()
				continue
			}
			r.conns[it.c.id] = it.c
		}
		if it.slot {
			if it.c.given == 0 {
				r.given = append(r.given, it.c)
			}
			it.c.given++
		}
		events = append(events, it.ev)
	}
	return events
}

// decide gives events to the machine, and then the store's answers, until it
// asks for nothing more. It returns the answers that it has not given: those
// which say that the patience with the store is over, for the inbox goes first.
func (r *room[C, R]) decide(events, answers []core.Event) []core.Event {
	for {
		s := &r.space
		s.effects = r.m.Step(s.effects[:0], events...)
		s.asks = r.carryOut(s.asks[:0], s.effects)
		clear(s.effects)
		if len(s.asks) == 0 || gaveUp(events) {
			r.release() // all was decided, or given up
		}
		answers = r.answers(answers[:0], s.asks)
		clear(s.asks)
		if len(answers) == 0 || gaveUp(answers) || r.i.life.Err() != nil {
			return answers
		}
		events = answers
	}
}

func gaveUp(events []core.Event) bool {
	return len(events) > 0 && events[len(events)-1] == (core.GaveUp{})
}

// release frees the slots of what the machine was given.
func (r *room[C, R]) release() {
	for _, c := range r.given {
		c.slots.free(c.given)
		c.given = 0
	}
	clear(r.given)
	r.given = r.given[:0]
}

// handOn takes one of a connection's slots from the room, if there is one, for
// what a message led to, or for a message that goes elsewhere.
func (r *room[C, R]) handOn(c *conn[C, R]) bool {
	if c.given == 0 {
		return false
	}
	c.given--
	return true
}

// carryOut does what the machine asked for, and appends what it asked of the
// store, which comes last: Subscribe or Unsubscribe, List, and Load or Commit.
func (r *room[C, R]) carryOut(asks, effects []core.Effect) []core.Effect {
	writes := r.space.writes[:0]
	for _, fx := range effects {
		switch fx := fx.(type) {
		case core.Send:
			for _, id := range fx.To {
				if c := r.conns[id]; c != nil && c.send(fx.Message) {
					writes = r.due(writes, c)
				}
			}
		case core.Close:
			if c := r.conns[fx.Conn]; c != nil && c.finish(fx.Code) {
				writes = r.due(writes, c)
			}
		case core.Perform:
			if c := r.conns[fx.Conn]; c != nil && c.perform(fx.Effect, r.handOn(c)) {
				writes = r.due(writes, c)
			}
		case core.Move:
			r.move(fx)
		case core.Gone:
			if c := r.conns[fx.Conn]; c != nil && c.orphan != nil {
				c.orphan.gone()
			}
			delete(r.conns, fx.Conn)
		case core.Wait:
			time.AfterFunc(onTheWay, func() { r.post(item[C, R]{ev: core.Waited{}}) })
		case core.Report:
			r.i.report(errors.New(fx.Text), fx.What, fx.Conn, r.key.Room)
		case core.Subscribe, core.Unsubscribe, core.List, core.Load, core.Commit:
			asks = append(asks, fx)
		}
	}
	if len(writes) > 0 { // only now: what an outbox gets together leaves together
		r.i.scribe(writes...)
		clear(writes)
		r.space.writes = writes
	}
	return asks
}

// due adds the outbox of c to writes, for the scribes. The host writes its own when its
// turn is over.
func (r *room[C, R]) due(writes []task, c *conn[C, R]) []task {
	if c == r.host {
		r.hosted = true
		return writes
	}
	return append(writes, (*writer[C, R])(c))
}

// move hands a connection to another room, with all that waits of it: what the
// machine had, then what is in the inbox, then what comes from now on.
func (r *room[C, R]) move(fx core.Move) {
	c := r.conns[fx.Conn]
	delete(r.conns, fx.Conn)
	items := []item[C, R]{{ev: fx.Entered, c: c}}
	for _, ev := range fx.Waiting {
		it := item[C, R]{ev: ev, c: c}
		if _, message := ev.(core.Received); message {
			it.slot = r.handOn(c)
		}
		items = append(items, it)
	}
	c.slots.free(c.given) // of what was decided: from now on the other room counts
	c.given = 0
	r.given = slices.DeleteFunc(r.given, func(o *conn[C, R]) bool { return o == c })
	c.mu.Lock()
	defer c.mu.Unlock()
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
