package core

import "slices"

// release gives out what a draft held: for each transition, in the order in
// which they were decided, its reply, its side effects, its end. base is the
// sequence number before the first of the commit's messages.
func (r *Room[C, R]) release(d *draft[C, R], base uint64) {
	for _, m := range d.touched {
		r.sit(m, m.next)
	}
	for i := range d.decided {
		x := &d.decided[i]
		m := r.members[x.task.conn]
		if m == nil {
			continue // the store has lost it, and committed for it all the same
		}
		if x.task.kind == resync { // as good as a new join
			m.resyncs, m.since = false, base+uint64(x.messages)
		}
		c := x.task.cause()
		if x.joins {
			m.since = base + uint64(x.messages)
			r.setJoined(m, true)
		}
		r.report(x.reports, c)
		if x.reply != nil && !m.deaf {
			r.emit(Send{c, m.self, x.reply})
		}
		for _, effect := range x.perform {
			r.emit(Perform{c, m.id, effect})
		}
		if x.left {
			r.setJoined(m, false)
		}
		switch {
		case x.code != 0:
			r.end(m, x.code, c)
		case x.moves && !m.ended: // else the store was rolled back
			r.move(m, x.to, c)
		case x.left:
			r.forget(m)
			r.emit(Gone{m.id})
		case x.task.kind == hello: // it stays, without a room
			r.queue = slices.Insert(r.queue, 0, task{kind: join, conn: m.id, n: x.task.n, now: x.task.now})
		}
	}
}

// move hands a connection, and what waits of it, to the machine of another room.
func (r *Room[C, R]) move(m *member[C], to string, c Cause) {
	var waiting []Event
	r.queue = slices.DeleteFunc(r.queue, func(t task) bool {
		if t.conn != m.id {
			return false
		}
		waiting = append(waiting, t.event())
		return true
	})
	r.due = slices.DeleteFunc(r.due, func(t task) bool { return t.conn == m.id })
	entered := Entered{Conn: m.id, Now: r.now, Data: m.data.json(), Events: m.events - uint64(len(waiting))}
	r.forget(m)
	r.emit(Move{Cause: c, Conn: m.id, Room: to, Entered: entered, Waiting: waiting})
}
