package core

import (
	"cmp"
	"slices"
)

// member is a connection that is in the room, on its way in, or on its way out.
type member[C any] struct {
	id        ConnID
	self      []ConnID // id, for effects on it alone
	place     uint64   // order of arrival
	events    uint64   // so far
	handshake Handshake

	awaiting bool // no hello yet
	joined   bool // stored in the room, or may be
	leaving  bool // a Leave waits, or whatever there is instead
	deaf     bool // the socket is gone, or Close was asked for: send nothing
	ended    bool // we ended it: what it sent after that is dropped
	orphan   bool // of a dead instance: only its Leave is left to be done

	resyncs bool   // a Resync waits
	since   uint64 // it gets the messages after this one
	seat[C]        // as committed

	draft uint64 // the draft that the following belongs to
	next  seat[C]
	later bool // joined, once the draft is committed
	dirty bool // data was changed
	needs bool // the commit needs the member to be stored
	stops bool // nothing more of it goes into this draft
}

// seat is what a commit can change of a member.
type seat[C any] struct {
	data     stored[C]
	identity string
}

// The intake: what events do to a member. What needs a function of the
// application becomes a task.

func (r *Room[C, R]) opened(ev Opened) {
	m := r.arrive(ev.Conn)
	m.events, m.awaiting, m.handshake = 1, true, ev.Handshake
	if r.in.AuthenticateOnConnect {
		m.awaiting = false
		r.wait(m, task{kind: hello})
	}
}

func (r *Room[C, R]) entered(ev Entered) {
	m := r.arrive(ev.Conn)
	m.events, m.data.raw = ev.Events, ev.Data
	r.wait(m, task{kind: join})
	r.subscribe(Cause{Conn: m.id, N: m.events})
	r.list(Cause{Conn: m.id, N: m.events})
	if !r.known && !r.loading && r.flight == nil { // beside the subscription
		r.load(Cause{Conn: m.id, N: m.events})
	}
}

// orphaned takes in a member whose instance is dead: as one that has left, for
// whom nothing but the commit is still to be done. What is known here of the room,
// or on its way, may be older than its join: it is read first.
func (r *Room[C, R]) orphaned(ev Orphaned) {
	if r.members[ev.Conn] != nil {
		return // its Leave waits already
	}
	m := r.arrive(ev.Conn)
	m.events, m.orphan, m.deaf, m.ended = 1, true, true, true
	m.seat = seat[C]{data: stored[C]{raw: ev.Data}, identity: ev.Identity}
	r.setJoined(m, true)
	r.depart(m)
	r.known, r.late = false, true
}

// expelled ends all connections. A commit under way goes on, since it may be
// applied; and every Leave: others run it too, and one of them will win.
func (r *Room[C, R]) expelled() {
	for _, m := range slices.Clone(r.order) {
		if m.orphan {
			continue
		}
		r.depart(m) // first: its join may be under way, so it is not to be forgotten
		if !m.deaf {
			m.deaf = true
			r.emit(Close{Cause: Cause{Conn: m.id, N: m.events}, Conn: m.id, Code: CloseComeBack})
		}
		m.ended = true
	}
}

func (r *Room[C, R]) arrive(id ConnID) *member[C] {
	r.arrivals++
	m := &member[C]{id: id, self: []ConnID{id}, place: r.arrivals}
	r.members[id] = m
	r.order = append(r.order, m)
	return m
}

func (r *Room[C, R]) received(ev Received) {
	m := r.hearing(ev.Conn)
	if m == nil {
		return
	}
	t := task{kind: receive, msg: ev.Message}
	switch {
	case !valid(ev.Message):
		t = task{kind: refuse, code: CloseNotJSON, text: "not JSON"}
	case m.awaiting:
		m.awaiting, t.kind = false, hello
	}
	m.events++
	r.wait(m, t)
}

func (r *Room[C, R]) violated(ev Violated) {
	if m := r.hearing(ev.Conn); m != nil {
		text := ev.Code.Reason()
		if ev.Code == ClosePolicy {
			text = "too many messages"
		}
		m.events++
		r.refuse(m, ev.Code, text)
	}
}

func (r *Room[C, R]) refuse(m *member[C], code CloseCode, text string) {
	r.wait(m, task{kind: refuse, code: code, text: text})
}

func (r *Room[C, R]) answered(ev Answered) {
	m := r.hearing(ev.Conn)
	if m == nil {
		r.emit(Report{Conn: ev.Conn, What: "Performed", Text: "a side effect was answered after its connection had ended: the answer is dropped"})
		return
	}
	if r.in.Performed != nil {
		m.events++
		r.wait(m, task{kind: performed, answer: &ev.Answer})
	}
}

func (r *Room[C, R]) closed(ev Closed) {
	if m := r.members[ev.Conn]; m != nil {
		m.events++
		m.deaf = true
		r.depart(m)
	}
}

// hearing is the member, if events of it still count.
func (r *Room[C, R]) hearing(id ConnID) *member[C] {
	if m := r.members[id]; m != nil && !m.ended && !m.deaf {
		return m
	}
	return nil
}

func (r *Room[C, R]) wait(m *member[C], t task) {
	t.conn, t.n, t.now = m.id, m.events, r.now
	r.queue = append(r.queue, t)
}

// depart has the member's Leave wait behind what it has sent.
func (r *Room[C, R]) depart(m *member[C]) {
	if !m.leaving {
		m.leaving = true
		r.wait(m, task{kind: leave})
	}
}

// end closes a connection. What it sent and was not decided yet is dropped.
func (r *Room[C, R]) end(m *member[C], code CloseCode, c Cause) {
	if !m.deaf {
		m.deaf = true
		r.emit(Close{Cause: c, Conn: m.id, Code: code})
	}
	m.ended = true
	if m.joined || r.flight != nil && r.flight.over && m.draft == r.flight.id { // or may be
		r.depart(m)
	} else {
		r.forget(m)
		r.emit(Gone{m.id})
	}
}

// fence ends a connection whose member is not stored any more: no Leave.
func (r *Room[C, R]) fence(m *member[C]) {
	r.setJoined(m, false)
	r.end(m, CloseComeBack, Cause{Conn: m.id, N: m.events})
}

func (r *Room[C, R]) forget(m *member[C]) {
	r.setJoined(m, false)
	delete(r.members, m.id)
	if i, ok := slices.BinarySearchFunc(r.order, m.place, func(m *member[C], place uint64) int { return cmp.Compare(m.place, place) }); ok {
		r.order = slices.Delete(r.order, i, i+1)
	}
}

// setJoined keeps the count and the index of the joined members.
func (r *Room[C, R]) setJoined(m *member[C], joined bool) {
	if m.joined == joined {
		return
	}
	m.joined = joined
	if m.orphan {
		return // nothing is delivered to it, and it misses nothing
	}
	if joined {
		r.joined++
		r.identity[m.seat.identity] = append(r.identity[m.seat.identity], m)
		return
	}
	r.joined--
	r.unindex(m)
	if r.joined == 0 {
		r.seen = Position{}
		r.trust()
	}
}

// sit gives a member what was committed for it.
func (r *Room[C, R]) sit(m *member[C], s seat[C]) {
	if m.joined && !m.orphan && s.identity != m.seat.identity {
		r.unindex(m)
		r.identity[s.identity] = append(r.identity[s.identity], m)
	}
	m.seat = s
}

func (r *Room[C, R]) unindex(m *member[C]) {
	id := m.seat.identity
	rest := slices.DeleteFunc(r.identity[id], func(o *member[C]) bool { return o == m })
	if len(rest) == 0 {
		delete(r.identity, id)
	} else {
		r.identity[id] = rest
	}
}
