package core

// The messages of the room: each one is heard once, in order, or is known to be
// missing.

func (r *Room[C, R]) delivered(ev Delivered) {
	if len(r.held) >= r.opt.Hold {
		r.held, r.doubt, r.late = nil, true, true
	}
	r.held = append(r.held, ev)
}

// hear handles a message. It says false if the store must be looked at first.
func (r *Room[C, R]) hear(ev Delivered) bool {
	if r.seen.Epoch == "" {
		return true
	}
	if ev.At.Epoch != r.seen.Epoch {
		r.doubt = true // of the old store or of a new one? ask it
		return true
	}
	if ev.At.Seq <= r.seen.Seq {
		return true
	}
	r.miss(ev.At.Seq - 1)
	d, err := DecodePublication(ev.Body)
	if err != nil {
		r.emit(Report{Cause: Cause{At: ev.At}, What: "message", Text: err.Error()})
		r.miss(ev.At.Seq)
		return true
	}
	fresh := r.fresh(ev)
	if to := r.recipients(d, ev.At.Seq); len(to) > 0 {
		if r.in.Deliver != nil && !fresh {
			return false
		}
		r.deliver(ev, d, to)
	}
	r.seen = ev.At
	return true
}

// recipients are the members that a message is for. One whose Resync waits will
// see the state that the message left.
func (r *Room[C, R]) recipients(d Delivery, seq uint64) []*member[C] {
	from := r.identity[d.To]
	if d.All {
		from = r.order
	}
	to := make([]*member[C], 0, len(from))
	for _, m := range from {
		if m.joined && !m.leaving && !m.resyncs && m.since < seq && m.id != d.From {
			to = append(to, m)
		}
	}
	return to
}

func (r *Room[C, R]) deliver(ev Delivered, d Delivery, to []*member[C]) {
	if r.in.Deliver != nil {
		h := &heard{d, ev.At}
		for _, m := range to {
			r.due = append(r.due, task{kind: deliver, conn: m.id, now: ev.Now, heard: h})
		}
		return
	}
	ids := make([]ConnID, len(to))
	for i, m := range to {
		ids[i] = m.id
	}
	r.emit(Send{Cause{Conn: d.From, At: ev.At}, ids, d.Body})
}

// fresh says whether the snapshot is as new as the commit of a message.
func (r *Room[C, R]) fresh(ev Delivered) bool {
	switch {
	case !r.known || r.at.Epoch != ev.At.Epoch:
		return false
	case r.at.Seq >= ev.At.Seq:
		return true
	case r.version == ev.Version:
		r.at = ev.At
		return true
	}
	return false
}

// behind says whether a message has shown that the snapshot is not the room's state
// any more: what is decided on it would be in vain.
func (r *Room[C, R]) behind() bool {
	return r.at.Epoch == r.seen.Epoch && r.at.Seq < r.seen.Seq
}

func (r *Room[C, R]) loaded(ev Loaded) {
	if !r.loading {
		return
	}
	r.loading = false
	r.snapshot(ev.Record)
	r.wanted, r.known = 0, r.known || !r.late
	if r.doubt && !r.late {
		r.doubt, r.missing = false, ev.Record.At.Seq
		if r.opt.Wait {
			r.suspects()
		}
		r.attest()
	}
}

// attest has it seen, after a doubt, whether the members are still stored: a store
// that went back may have lost a join, and no message by which that would show.
func (r *Room[C, R]) attest() {
	for _, m := range r.joinedMembers() {
		if !m.leaving && !m.resyncs { // a Resync sees it too
			r.due = append(r.due, task{kind: attest, conn: m.id, n: m.events, now: r.now})
		}
	}
}

// suspects believes nothing to be missing yet: what was committed just before the
// position was read may still be on its way.
func (r *Room[C, R]) suspects() {
	seq := r.missing
	r.missing = 0
	switch {
	case r.seen.Epoch == "" || seq <= r.seen.Seq:
	case r.waits:
		r.later = seq
	default:
		r.waits, r.suspect = true, seq
		r.emit(Wait{})
	}
}

func (r *Room[C, R]) waited() {
	r.missing, r.suspect, r.later = r.suspect, r.later, 0
	if r.waits = r.suspect > 0; r.waits {
		r.emit(Wait{})
	}
}

// trust forgets what was suspected, since it was of a log that is no more, or nobody
// is left who could miss it.
func (r *Room[C, R]) trust() { r.missing, r.suspect, r.later = 0, 0, 0 }

// settleMissing ends a doubt, once what had arrived by then was heard.
func (r *Room[C, R]) settleMissing() {
	if r.missing > 0 {
		r.miss(r.missing)
		r.missing = 0
	}
}

// snapshot takes in the record as the store has it.
func (r *Room[C, R]) snapshot(rec Record) {
	r.compare(rec.At)
	if !r.known || r.version != rec.Version || r.value.absent() {
		r.value = stored[R]{raw: rec.Value}
	}
	r.version, r.at = rec.Version, rec.At
}

// compare sees whether the store is still the one that the members joined.
func (r *Room[C, R]) compare(at Position) {
	switch {
	case r.seen.Epoch == "":
	case at.Epoch != r.seen.Epoch:
		r.lost(true)
	case at.Seq < max(r.seen.Seq, r.wanted): // it was rolled back
		r.lost(false)
		r.seen = at
		r.trust()
	}
}

// lost closes every member: the store has lost the room or, if not all of it, an
// end of it. In the first case there is no membership that a Leave could end.
func (r *Room[C, R]) lost(all bool) {
	for _, m := range r.joinedMembers() {
		if all {
			r.fence(m)
		} else {
			r.end(m, CloseComeBack, Cause{Conn: m.id, N: m.events})
		}
	}
}

// miss takes notice that the messages after seen, up to seq, will not come.
func (r *Room[C, R]) miss(seq uint64) {
	if r.seen.Epoch == "" || seq <= r.seen.Seq {
		return
	}
	r.seen.Seq = seq
	for _, m := range r.joinedMembers() {
		switch {
		case m.leaving || m.resyncs || m.since >= seq:
		case r.in.Resync == nil:
			r.end(m, CloseComeBack, Cause{Conn: m.id, At: r.seen})
		default:
			m.resyncs = true
			r.due = append(r.due, task{kind: resync, conn: m.id, n: m.events, now: r.now})
		}
	}
}

// joinedMembers are those of this instance.
func (r *Room[C, R]) joinedMembers() (ms []*member[C]) {
	for _, m := range r.order {
		if m.joined && !m.orphan {
			ms = append(ms, m)
		}
	}
	return ms
}
