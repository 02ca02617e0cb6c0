package core

import "slices"

// commit sends a draft to the store.
func (r *Room[C, R]) commit(d *draft[C, R]) {
	r.n++
	c := Commit{N: r.n, Any: !d.validated, Messages: d.messages}
	if d.validated {
		c.Expect = r.version
	}
	switch {
	case d.op == OpPut:
		c.Op, c.Value = OpPut, d.value.json()
	case d.op == OpDelete && !r.value.absent():
		c.Op = OpDelete
	}
	c.Members = make([]MemberChange, 0, len(d.touched))
	for _, m := range d.touched {
		if ch, ok := r.memberChange(m); ok {
			c.Members = append(c.Members, ch)
		}
	}
	c.Causes = make([]Cause, len(d.decided))
	for i := range d.decided {
		c.Causes[i] = d.decided[i].task.cause()
	}
	d.number, d.sent = c.N, c
	r.flight = d
	r.emit(d.sent)
}

// repeat sends the commit under way again.
func (r *Room[C, R]) repeat() {
	c := r.flight.sent.(Commit)
	c.Again++
	r.flight.sent = c
	r.emit(r.flight.sent)
}

// memberChange is what the draft does to a member: its first state in the store
// and its last one count, not how often it changed between.
func (r *Room[C, R]) memberChange(m *member[C]) (MemberChange, bool) {
	ch := MemberChange{Conn: m.id}
	switch {
	case !m.needs || !m.joined && !m.later:
		return ch, false
	case !m.joined:
		ch.Op = AddMember
	case !m.later:
		ch.Op = RemoveMember
	case m.dirty:
		ch.Op = UpdateMember
	default:
		ch.Op = RequireMember
	}
	if ch.Op == AddMember || ch.Op == UpdateMember {
		ch.Data = encodeMember(r.writer, m.next.identity, m.next.data.json())
	}
	return ch, true
}

// land ends the flight that an answer is for; nil if it is for none.
func (r *Room[C, R]) land(n uint64) *draft[C, R] {
	f := r.flight
	if f == nil || f.number != n {
		return nil
	}
	r.flight = nil
	return f
}

func (r *Room[C, R]) committed(ev Committed) {
	f := r.land(ev.N)
	if f == nil {
		return
	}
	r.limit, r.losses = min(r.opt.Batch, r.limit*2), 0
	base := ev.At.Seq - uint64(len(f.messages))
	if !f.over || ev.At.Epoch != r.seen.Epoch { // messages were heard meanwhile
		r.compare(Position{ev.At.Epoch, base})
	}
	if f.validated {
		r.value, r.version, r.at = f.value, ev.Version, ev.At
	} else if ev.Version == r.version {
		r.at = ev.At
	}
	r.release(f, base)
	if r.joined > 0 && r.seen.Epoch == "" && f.joins() { // the first ones here have missed nothing yet
		r.seen = Position{ev.At.Epoch, base}
	}
	r.done(f)
}

func (d *draft[C, R]) joins() bool {
	return slices.ContainsFunc(d.decided, func(x decision) bool { return x.joins })
}

// conflicted has the same transitions decided again, on what has won: all of them,
// since fewer and larger commits are fewer conflicts for all, and the answer has what
// there is to know. But a batch that takes long to decide would go on losing against
// somebody whose batches are small: from the fourth time in a row on it is halved.
func (r *Room[C, R]) conflicted(ev Conflicted) {
	f := r.land(ev.N)
	if f == nil {
		return
	}
	if r.losses++; r.losses > 3 {
		r.limit = max(1, len(f.decided)/2)
	}
	r.snapshot(ev.Record)
	for _, id := range ev.Gone {
		if m := r.members[id]; m != nil {
			r.fence(m)
		}
	}
	r.again(f, func(t *task) { t.retried = true })
	r.done(f)
}

// refused takes a commit apart that the store will never take: by halves, down
// to the transition that is to blame. A Leave still removes its member.
func (r *Room[C, R]) refused(ev Refused) {
	f := r.land(ev.N)
	if f == nil {
		return
	}
	if len(f.decided) > 1 {
		r.limit = len(f.decided) / 2
		r.again(f, func(*task) {})
		return
	}
	r.limit = r.opt.Batch
	t := f.decided[0].task
	r.emit(Report{Cause: t.cause(), Conn: t.conn, What: "commit of " + t.kind.String(), Text: ev.Reason})
	m := r.members[t.conn]
	switch {
	case m == nil:
	case t.kind == leave && !t.bare:
		t.bare = true
		r.queue = slices.Insert(r.queue, 0, t)
	case t.kind == leave:
		r.forget(m)
		r.emit(Gone{m.id})
	case ev.TooLarge:
		r.fail(m, CloseTooBig, t.cause(), t.kind == join)
	default:
		r.fail(m, CloseBug, t.cause(), t.kind == join)
	}
}

func (r *Room[C, R]) unanswered(ev Unanswered) {
	if r.flight != nil && r.flight.number == ev.N {
		r.repeat()
	}
}

// again puts the transitions of a flight back, in their order.
func (r *Room[C, R]) again(f *draft[C, R], change func(*task)) {
	var due, queue []task
	for _, x := range f.decided {
		t := x.task
		change(&t)
		if t.kind == deliver || t.kind == resync || t.kind == attest {
			due = append(due, t)
		} else {
			queue = append(queue, t)
		}
	}
	r.due = append(due, r.due...)
	r.queue = append(queue, r.queue...)
}

// gaveUp ends the patience of whoever waits. A commit under way goes on without its
// connections, until it is known whether it was applied: only then there is a Leave
// that can't be wrong, and no late packet that adds a member for whom nobody cares.
func (r *Room[C, R]) gaveUp() {
	if r.link == linkOpening {
		r.link = linkOff
	}
	if r.listing == listingOpen {
		r.listing = unlisted
	}
	deaf := r.loading && (r.doubt || len(r.held) > 0) // nobody can be told what there is to tell
	r.loading = false
	waiting := append(r.due, r.queue...)
	r.due, r.queue = nil, nil
	if f := r.flight; f != nil {
		f.over = true
		for i := range f.decided {
			t := &f.decided[i].task
			if m := r.members[t.conn]; m != nil && t.kind != leave {
				r.depart(m) // first: it may be stored, so it is not to be forgotten
				r.fail(m, CloseTryLater, t.cause(), t.kind == join)
			}
		}
	}
	var leaves []task
	for _, t := range waiting {
		switch m := r.members[t.conn]; {
		case m == nil:
		case t.kind != leave:
			r.fail(m, CloseTryLater, t.cause(), t.kind == join)
		default:
			leaves = append(leaves, t)
		}
	}
	r.queue = append(leaves, r.queue...)
	if deaf {
		r.held = nil
		for _, m := range slices.Clone(r.order) {
			r.fail(m, CloseTryLater, Cause{Conn: m.id, N: m.events}, false)
		}
	}
	if f := r.flight; f != nil {
		for len(r.held) > 0 && !r.doubt && r.hear(r.held[0]) { // released to the rest
			r.held = slices.Delete(r.held, 0, 1)
		}
		r.repeat()
	}
}

// forgotten ends a commit whose outcome will never be known. Who joined in it may
// be stored: Leave takes it back, or finds nobody.
func (r *Room[C, R]) forgotten(ev Forgotten) {
	f := r.land(ev.N)
	if f == nil {
		return
	}
	for _, x := range f.decided {
		m := r.members[x.task.conn]
		if m == nil {
			continue
		}
		if x.joins {
			r.sit(m, m.next)
			r.setJoined(m, true)
		}
		if x.task.kind != leave {
			r.end(m, CloseTryLater, x.task.cause())
		}
	}
	r.again(f, func(*task) {})
}

// fail sends est's own failure and ends the connection.
func (r *Room[C, R]) fail(m *member[C], code CloseCode, c Cause, entering bool) {
	if m.ended {
		return
	}
	if !m.deaf {
		var reports []Report
		frame := r.ownFailure(code, "", entering, &reports)
		r.emit(Send{c, m.self, frame})
		r.report(reports, c)
	}
	r.end(m, code, c)
}

func (r *Room[C, R]) report(reports []Report, c Cause) {
	for _, rep := range reports {
		rep.Cause = c
		r.emit(rep)
	}
}
