package esttest

import (
	"errors"
	"slices"
	"strconv"
	"unsafe"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// The store, and what instances ask of it.

var theStore = lane{kind: store}

func (s *sim[C, R]) runStore(ch choice) {
	switch {
	case ch.op.isChore():
		s.runChore(ch)
		return
	case ch.do == rival:
		s.rival(s.rooms[ch.at].key)
		return
	case ch.do == land:
		s.land(int(ch.at))
		return
	}
	t := s.nodes[ch.inst-1].sites[ch.at]
	switch {
	case ch.op == enlist:
		s.runList(t, ch.do)
		return
	case ch.do == giveUp:
		s.giveUp(t)
		return
	}
	o := &t.ask
	if ch.op == subscribe || ch.op == unsubscribe {
		o = &t.link
	}
	switch ch.do {
	case perform:
		s.perform(t, o)
		s.tell(t.n.lane(), theStore, false, s.asked(o))
		s.tell(theStore, theStore, false, s.told(o.answer))
	case ask:
		s.perform(t, o)
		s.tell(t.n.lane(), theStore, false, s.asked(o))
		s.answer(t, o, o.answer)
	case answer:
		s.answer(t, o, o.answer)
	case fail:
		s.tell(t.n.lane(), theStore, true, s.asked(o))
		s.answer(t, o, core.Unanswered{N: o.fx.(core.Commit).N})
	case lose:
		s.tell(theStore, t.n.lane(), true, s.told(o.answer))
		s.stats.Unanswered++
		s.reply(t, o, core.Unanswered{N: o.fx.(core.Commit).N})
	case forget:
		s.tellf(t.n.lane(), t.n.lane(), false, "stops asking for commit #%d", o.fx.(core.Commit).N)
		n := o.fx.(core.Commit).N
		s.lates = slices.DeleteFunc(s.lates, func(l late[C]) bool { // by now they would have come, or never will
			return l.writer == t.writer && l.room == t.key && l.fx.N <= n
		})
		t.unsure = true
		s.unowed(t, o.deal)
		s.reply(t, o, core.Forgotten{N: n})
	}
}

// land has a late commit take place.
func (s *sim[C, R]) land(i int) {
	l := s.lates[i]
	s.lates = slices.Delete(s.lates, i, i+1)
	if l.note != nil {
		s.tellf(lane{inst, l.inst}, theStore, false, "late: %v", l.note)
		s.commitRecord(l.inst, l.writer, *l.note)
		return
	}
	ev := s.commit(l.writer, l.room, l.fx, l.deal)
	s.tellf(lane{inst, l.inst}, theStore, false, "late: %s", s.committing(l.fx, l.deal))
	s.tell(theStore, theStore, false, s.told(ev))
}

// perform has what a machine asked for take place. The answer is on its way.
func (s *sim[C, R]) perform(t *site[C, R], o *op[C]) {
	o.done = true
	switch fx := o.fx.(type) {
	case core.Subscribe:
		t.linked = true
		o.answer = core.Subscribed{}
	case core.Unsubscribe:
		t.linked, t.queue = false, nil
		o.answer = core.Unsubscribed{}
	case core.Load:
		o.answer = core.Loaded{Record: coreRecord(s.record(t.key).state.Record(false))}
	case core.Commit:
		o.answer = s.commit(t.writer, t.key, fx, o.deal)
	}
}

// answer gives the answer to the machine, and tells of it.
func (s *sim[C, R]) answer(t *site[C, R], o *op[C], ev core.Event) {
	if o.done {
		s.tell(theStore, t.n.lane(), false, s.told(ev))
	}
	s.reply(t, o, ev)
}

func (s *sim[C, R]) reply(t *site[C, R], o *op[C], ev core.Event) {
	if _, again := ev.(core.Unanswered); again {
		o.done = false // the same commit is asked for again
	} else {
		*o = op[C]{}
	}
	s.happen(t, ev)
}

// giveUp ends the patience of an instance with what a room waits for.
func (s *sim[C, R]) giveUp(t *site[C, R]) {
	s.tellf(t.n.lane(), t.n.lane(), false, "gives up %s: no answer for ten seconds", strconv.Quote(t.key))
	if t.link.kind == subscribe {
		t.link, t.linked, t.queue = op[C]{}, false, nil
	}
	t.list = op[C]{}
	s.giveUpCommit(t)
	if t.ask.kind == load {
		t.ask = op[C]{}
	}
	t.given++
	s.stats.GaveUp++
	s.happen(t, core.GaveUp{})
}

// giveUpCommit takes note of a commit that may still be on its way to the store.
func (s *sim[C, R]) giveUpCommit(t *site[C, R]) {
	if fx, ok := t.ask.fx.(core.Commit); ok && !t.ask.done {
		s.lates = append(s.lates, late[C]{inst: t.n.number, room: t.key, writer: t.writer, fx: fx, deal: t.ask.deal})
	}
}

// commit has a commit take place, and sends its messages on their way.
func (s *sim[C, R]) commit(writer, key string, fx core.Commit, d *deal[C]) core.Event {
	bc := broker.Commit{
		ID:       broker.CommitID{Writer: writer, N: fx.N},
		Value:    broker.Change{Op: broker.Op(fx.Op), Value: fx.Value},
		Messages: fx.Messages,
	}
	if !fx.Any {
		s.expect = broker.Version(fx.Expect)
		bc.Expect = &s.expect
	}
	bc.Members = s.changes[:0]
	for _, m := range fx.Members {
		bc.Members = append(bc.Members, broker.MemberChange{Op: broker.MemberOp(m.Op), ID: string(m.Conn), Data: m.Data})
	}
	s.changes = bc.Members
	r := s.record(key)
	before := r.state
	after, receipt, err := broker.Apply(before, bc)
	if conflict, is := errors.AsType[*broker.Conflict](err); is {
		s.stats.Conflicts++
		gone := make([]core.ConnID, len(conflict.Gone))
		for i, id := range conflict.Gone {
			gone[i] = core.ConnID(id)
		}
		return core.Conflicted{N: fx.N, Record: coreRecord(conflict.Record), Gone: gone}
	}
	if err != nil {
		return core.Refused{N: fx.N, Reason: err.Error()}
	}
	if d == nil || !d.applied { // and not the same commit once more
		s.stats.Commits++
		r.state = after
		if d != nil {
			s.reapWatched(writer, fx, d)
		}
		s.applied(r, before, fx, d, receipt)
	}
	return core.Committed{N: fx.N, Version: string(receipt.Version), At: core.Position(receipt.At)}
}

// applied does what follows from a commit that took place.
func (s *sim[C, R]) applied(r *record, before broker.State, fx core.Commit, d *deal[C], receipt broker.Receipt) {
	s.changed = true
	s.commitWatched(r, before, fx, d, receipt)
	first := receipt.At.Seq - uint64(len(fx.Messages)) + 1
	for i, body := range fx.Messages {
		at := core.Position{Epoch: receipt.At.Epoch, Seq: first + uint64(i)}
		m, err := core.DecodePublication(body)
		if err != nil {
			s.fail("outcome", "%v", err)
			continue
		}
		r.log = append(r.log, logged{unsafe.SliceData(m.Body), at, m.To})
		s.messageWatched(r, at, m, d)
		var ev core.Event = core.Delivered{At: at, Version: string(receipt.Version), Body: body}
		for _, n := range s.nodes {
			for _, t := range n.sites {
				if t.key == r.key && t.linked && !n.cut {
					t.queue = append(t.queue, ev)
				}
			}
		}
	}
}

// rival writes the value of a room again, as if an instance had.
func (s *sim[C, R]) rival(key string) {
	value := valueOf(s.record(key).state)
	s.tellf(theStore, theStore, false, "somebody writes %s again", strconv.Quote(key))
	s.outsideCommit(key, core.Commit{Any: true, Op: core.OpPut, Value: value})
}

func coreRecord(r broker.Record) core.Record {
	return core.Record{Value: r.Value, Version: string(r.Version), At: core.Position(r.At)}
}
