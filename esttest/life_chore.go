package esttest

import (
	"errors"
	"slices"
	"strings"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// What Lifes ask of the store. Their records are in a namespace of their own.

func (c *chore) kind() opKind {
	switch c.fx.(type) {
	case core.LoadRecord:
		return look
	case core.CommitRecord:
		return note
	}
	return reap
}

// place is the record that it is about, or the room.
func (c *chore) place() string {
	switch fx := c.fx.(type) {
	case core.LoadRecord:
		return fx.Record
	case core.CommitRecord:
		return fx.Record
	case core.Reap:
		return fx.Room
	}
	return ""
}

// ownRecord is one of est's own records as the store has it.
type ownRecord struct {
	key   string
	state broker.State
	read  []core.RecordMember // its members; nil: nobody has asked since it changed
}

// members are read-only.
func (r *ownRecord) members() []core.RecordMember {
	if r.read == nil {
		for _, m := range r.state.Record(true).Members {
			r.read = append(r.read, core.RecordMember(m))
		}
	}
	return r.read
}

// own is one of est's own records.
func (s *sim[C, R]) own(key string) *ownRecord {
	for _, r := range s.registry {
		if r.key == key {
			return r
		}
	}
	r := &ownRecord{key: key}
	s.registry = append(s.registry, r)
	return r
}

// canChore is that something happens to the i-th chore of an instance.
func (n *node[C, R]) canChore(do verb, i int) choice {
	return n.canAt(i, do, n.pulse.chores[i].kind())
}

// choreOptions is what can become of the i-th chore of an instance.
func (s *sim[C, R]) choreOptions(to []choice, n *node[C, R], i int) []choice {
	c := &n.pulse.chores[i]
	kind := c.kind()
	for _, o := range n.pulse.chores[:i] {
		if o.kind() == kind && o.place() == c.place() { // a room of two dead instances
			return to
		}
	}
	switch {
	case !c.done && !n.away:
		if !n.paused {
			to = append(to, n.canChore(ask, i))
		}
		if !n.paused || kind == note { // which was sent before
			to = append(to, n.canChore(perform, i))
		}
	case c.done && !n.away && !n.paused:
		to = append(to, n.canChore(answer, i))
	}
	if kind == note && !n.paused {
		if !c.done && s.allowed&CommitFails != 0 {
			to = append(to, n.canChore(fail, i))
		}
		if c.done && s.allowed&ReplyLost != 0 {
			to = append(to, n.canChore(lose, i))
		}
	}
	return to
}

// runChore has a step of a chore happen.
func (s *sim[C, R]) runChore(ch choice) {
	n, i := s.nodes[ch.inst-1], int(ch.at)
	c := &n.pulse.chores[i]
	switch ch.do {
	case perform:
		s.doChore(n, i)
	case ask:
		s.doChore(n, i)
		s.answerChore(n, i)
	case answer:
		s.answerChore(n, i)
	case fail, lose:
		fx := c.fx.(core.CommitRecord)
		s.tellf(n.lane(), theStore, true, "%v", fx)
		s.endChore(n, i, core.RecordUnanswered{Record: fx.Record, N: fx.N})
	}
}

// doChore has it take place. The answer is on its way.
func (s *sim[C, R]) doChore(n *node[C, R], i int) {
	c := &n.pulse.chores[i]
	c.done = true
	switch fx := c.fx.(type) {
	case core.LoadRecord:
		c.answer = core.RecordLoaded{Record: fx.Record, Members: s.own(fx.Record).members()}
	case core.CommitRecord:
		c.answer = s.commitRecord(n.number, n.writer, fx)
	case core.Reap:
		c.orphans = s.orphansOf(fx)
		s.tellf(n.lane(), theStore, false, "reads whom %s has left in %q: %s", fx.Instance, fx.Room, s.orphanNames(c.orphans))
	}
	if s.liveness == closely && c.answer != nil {
		s.tellf(n.lane(), theStore, false, "%v", c.fx)
		s.tellf(theStore, theStore, false, "%v", c.answer)
	}
}

// answerChore has the answer arrive.
func (s *sim[C, R]) answerChore(n *node[C, R], i int) {
	c := n.pulse.chores[i]
	if fx, ok := c.fx.(core.Reap); ok {
		n.pulse.chores = slices.Delete(n.pulse.chores, i, i+1)
		s.adopt(n, fx, c.orphans)
		return
	}
	s.endChore(n, i, c.answer)
}

func (s *sim[C, R]) endChore(n *node[C, R], i int, ev core.LifeEvent) {
	n.pulse.chores = slices.Delete(n.pulse.chores, i, i+1)
	s.live(n, ev)
}

// commitRecord has a commit to one of est's own records take place.
func (s *sim[C, R]) commitRecord(number int, writer string, fx core.CommitRecord) core.LifeEvent {
	bc := broker.Commit{ID: broker.CommitID{Writer: writer, N: fx.N}, Members: s.changes[:0]}
	for _, ch := range fx.Changes {
		bc.Members = append(bc.Members, broker.MemberChange{Op: broker.MemberOp(ch.Op), ID: ch.ID, Data: ch.Data})
	}
	s.changes = bc.Members
	r := s.own(fx.Record)
	after, _, err := broker.Apply(r.state, bc)
	if conflict, is := errors.AsType[*broker.Conflict](err); is {
		return core.RecordConflicted{Record: fx.Record, N: fx.N, Gone: conflict.Gone}
	}
	if err != nil {
		return core.RecordRefused{Record: fx.Record, N: fx.N, Reason: err.Error()}
	}
	r.state, r.read = after, nil
	if dead := fx.Changes[len(fx.Changes)-1]; s.tracing && dead.Op == core.AddMember && strings.HasPrefix(dead.ID, deadPrefix) {
		s.tellf(lane{inst, number}, theStore, false, "takes %s for dead", strings.TrimPrefix(dead.ID, deadPrefix))
	}
	return core.RecordCommitted{Record: fx.Record, N: fx.N}
}

// deadPrefix is before the writer of a dead instance in the directory.
const deadPrefix = "dead/"

// deadOnes says whether the directory has any.
func (s *sim[C, R]) deadOnes() bool {
	return slices.ContainsFunc(s.own(core.Directory).members(), func(m core.RecordMember) bool {
		return strings.HasPrefix(m.ID, deadPrefix)
	})
}
