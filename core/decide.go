package core

import "fmt"

// draft is a commit in the making: the transitions that were decided, one on the
// result of the other, and what they change together.
type draft[C, R any] struct {
	id uint64
	edit[R]
	touched   []*member[C] // by first touch
	decided   []decision
	validated bool // the version that it was decided on must still hold
	needed    bool // there is something to commit

	number uint64 // of its commit
	sent   Effect // its Commit, as it was sent last
	over   bool   // its connections were told that it failed: only its outcome is of interest
}

// edit is what transitions do to the room.
type edit[R any] struct {
	op       Op
	value    stored[R]
	messages [][]byte
}

// decision is what one transition decided, held until its commit has succeeded.
type decision struct {
	task     task
	reply    Message
	perform  []any
	reports  []Report
	code     CloseCode // closes, unless zero
	joins    bool
	left     bool // leaves the room in this commit
	moves    bool
	to       string // the room it moves to
	messages int    // of the batch, up to and with this decision
}

// decideBatch decides what can be decided, and commits it or, where there is
// nothing to commit, releases it. It says whether more can be done now.
func (r *Room[C, R]) decideBatch() bool {
	d := r.newDraft()
	r.due = r.pick(d, r.due)
	r.queue = r.pick(d, r.queue)
	if d.op == Keep {
		r.value = d.value // it may have been decoded by now
	}
	switch {
	case len(d.decided) == 0:
		r.done(d)
		return false
	case d.needed:
		r.commit(d)
		return false
	}
	r.release(d, 0)
	r.done(d)
	r.limit = min(r.opt.Batch, r.limit*2)
	return true
}

func (r *Room[C, R]) newDraft() *draft[C, R] {
	d := r.spare
	if r.spare = nil; d == nil {
		d = new(draft[C, R])
	}
	r.drafts++
	d.id, d.value = r.drafts, r.value
	return d
}

// done keeps the space of a draft for the next one.
func (r *Room[C, R]) done(d *draft[C, R]) {
	clear(d.touched)
	clear(d.decided)
	*d = draft[C, R]{touched: d.touched[:0], decided: d.decided[:0]}
	r.spare = d
}

// pick decides tasks in their order, up to the limit, and returns the rest.
func (r *Room[C, R]) pick(d *draft[C, R], tasks []task) []task {
	rest := tasks[:0]
	for i, t := range tasks {
		if len(d.decided) >= r.limit {
			rest = append(rest, tasks[i:]...)
			break
		}
		m := r.members[t.conn]
		if m == nil || m.ended && t.kind != leave {
			continue // it has gone meanwhile
		}
		if m.draft != d.id {
			m.draft, m.next, m.later = d.id, m.seat, m.joined
			m.dirty, m.needs = false, false
			m.stops = t.kind == join && (r.link != linkLive || r.listing != listed) // both come before a join
			if !m.stops {
				d.touched = append(d.touched, m)
			}
		}
		if m.stops {
			rest = append(rest, t)
			continue
		}
		d.decided = append(d.decided, decision{task: t})
		r.decide(d, m, &d.decided[len(d.decided)-1])
	}
	clear(tasks[len(rest):])
	return rest
}

func (r *Room[C, R]) decide(d *draft[C, R], m *member[C], x *decision) {
	t := &x.task
	needs, validated := r.key != "", true
	switch t.kind {
	case refuse:
		if x.code = t.code; x.code != CloseGoingAway { // which is no failure
			x.reply = r.ownFailure(t.code, t.text, !m.joined && !m.later, &x.reports)
		}
		needs = false
	case hello:
		r.authenticate(m, x)
		needs = false
	case attest:
		validated = false
	case leave:
		needs = needs && m.later
		r.decideLeave(d, m, x)
	default:
		messages := len(d.messages)
		if bug := r.transition(d, m, x); bug != "" {
			*x = decision{task: *t}
			r.bug(x, bug, t.kind == join)
		}
		if t.kind == deliver {
			validated = d.op != Keep || len(d.messages) > messages || x.moves
			needs = needs && (validated || m.dirty || d.needed)
		}
	}
	if needs {
		m.needs, d.needed = true, true
		d.validated = d.validated || validated
	}
	x.messages = len(d.messages)
	m.stops = x.code != 0 || x.left || x.moves || t.kind == hello || t.kind == leave
}

// transition runs one of the application's functions and takes its outcome into
// the draft: all of it or, where it is a bug, nothing.
func (r *Room[C, R]) transition(d *draft[C, R], m *member[C], x *decision) (bug string) {
	t := &x.task
	data, err := m.next.data.private(r.formC)
	if err != nil {
		return err.Error()
	}
	room, err := r.state(d, t.kind)
	if err != nil {
		return err.Error()
	}
	conn := Conn{ID: t.conn, Now: t.now, Retried: t.retried}
	out, bug := r.ask(t, conn, data, room)
	if bug == "" {
		bug = r.check(t.kind, out)
	}
	if bug != "" {
		return bug
	}
	next, to, bug := r.seatFor(m.next, t.kind, conn, out)
	if bug != "" {
		return bug
	}
	e := d.edit
	if bug := e.add(m.id, out.Room, out.Publish, r.formR); bug != "" {
		return bug
	}
	x.perform, x.code = out.Perform, out.Close
	if x.reply, bug = r.reply(t.kind, out, &x.reports); bug != "" {
		return bug
	}

	switch {
	case t.kind == join && out.Fail != nil:
		if x.code == 0 {
			x.code = ClosePolicy
		}
		next = m.next
	case t.kind == join:
		if to != r.key {
			return fmt.Sprintf("Join decided on data whose Room is %q: a Join may not move the connection on", to)
		}
		x.joins, m.later = true, true
	case to != r.key: // this transition and Leave of this room are one commit
		x.left, x.moves, x.to = true, x.code == 0, to
		r.runLeave(&e, m.id, m.next.data, conn, x)
		m.later = false
	}
	m.dirty = m.dirty || out.Data.Op == OpPut
	m.next, d.edit = next, e
	return ""
}

// bug makes the decision that ends a connection for a broken function.
func (r *Room[C, R]) bug(x *decision, text string, entering bool) {
	x.reports = []Report{{Cause: x.task.cause(), Conn: x.task.conn, What: x.task.kind.String(), Text: text}}
	x.code, x.reply = CloseBug, r.ownFailure(CloseBug, "", entering, &x.reports)
}

// state is the room state for a function: a private copy, but for Deliver.
func (r *Room[C, R]) state(d *draft[C, R], k kind) (R, error) {
	if k == deliver {
		return d.value.shared(r.formR)
	}
	return d.value.private(r.formR)
}

// seatFor is the member's next seat, and the room that its data names.
func (r *Room[C, R]) seatFor(s seat[C], k kind, conn Conn, out Outcome[C, R]) (next seat[C], to, bug string) {
	if out.Data.Op == OpPut {
		data, err := put(out.Data.Value, r.formC)
		if err != nil {
			return s, "", "its Data can't be encoded: " + err.Error()
		}
		s.data = data
	} else if k != join {
		return s, r.key, ""
	}
	s.identity, to, bug = r.whoAndWhere(conn, &s.data)
	return s, to, bug
}

// add takes a room change and publications into the edit, or says what is wrong.
func (e *edit[R]) add(from ConnID, c Change[R], pubs []Publication, f *form[R]) (bug string) {
	for _, p := range pubs {
		m, err := EncodePublication(from, p)
		if err != nil {
			return err.Error()
		}
		e.messages = append(e.messages, m)
	}
	switch c.Op {
	case OpPut:
		v, err := put(c.Value, f)
		if err != nil {
			return "its Room can't be encoded: " + err.Error()
		}
		e.op, e.value = OpPut, v
	case OpDelete:
		e.op, e.value = OpDelete, stored[R]{}
	}
	return ""
}

// decideLeave removes the member, and asks the application what follows.
func (r *Room[C, R]) decideLeave(d *draft[C, R], m *member[C], x *decision) {
	t := &x.task
	x.left = true
	if m.later && !t.bare {
		r.runLeave(&d.edit, m.id, m.next.data, Conn{ID: t.conn, Now: t.now, Retried: t.retried}, x)
	}
	m.later = false
}

// runLeave takes the outcome of Leave into the edit. A Leave that is broken adds
// nothing and is reported: the removal must not fail for it.
func (r *Room[C, R]) runLeave(e *edit[R], id ConnID, was stored[C], conn Conn, x *decision) {
	out, bug := func() (out Outcome[C, R], bug string) {
		data, err := was.private(r.formC)
		if err != nil {
			return out, err.Error()
		}
		room, err := e.value.private(r.formR)
		if err != nil {
			return out, err.Error()
		}
		if out, bug = r.ask(&task{kind: leave}, conn, data, room); bug == "" {
			bug = r.check(leave, out)
		}
		return out, bug
	}()
	if bug == "" {
		after := *e
		if bug = after.add(id, out.Room, out.Publish, r.formR); bug == "" {
			*e = after
			x.perform = append(x.perform[:len(x.perform):len(x.perform)], out.Perform...)
			return
		}
	}
	x.reports = append(x.reports, Report{Cause: x.task.cause(), Conn: id, What: "Leave", Text: bug})
}
