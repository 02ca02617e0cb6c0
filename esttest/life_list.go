package esttest

import "github.com/spinneyio/est/core"

// To list a room is to ask the Life for it: that is the effect List of the room's
// machine, and its answer.

// runList has a step of it happen: perform, answer or ask.
func (s *sim[C, R]) runList(t *site[C, R], do verb) {
	o := &t.list
	if do != answer {
		o.sent = true
		s.tell(t.n.lane(), theStore, false, s.asked(o))
		s.live(t.n, core.Wanted{Room: t.key})
	}
	if do != perform && o.done {
		s.answer(t, o, o.answer)
	}
}

// admit answers the machine of a room that is listed, if it still asks.
func (s *sim[C, R]) admit(n *node[C, R], key string) {
	for _, t := range n.sites {
		if t.key == key && !t.retired && t.list.sent {
			t.list.done, t.list.answer = true, core.Listed{}
		}
	}
}

// listOptions is what can become of it, for the i-th machine of an instance.
func (s *sim[C, R]) listOptions(to []choice, t *site[C, R], i int) []choice {
	if t.list.kind == noOp || t.n.paused {
		return to
	}
	switch {
	case t.n.away:
	case t.list.done:
		to = append(to, t.n.canAt(i, answer, enlist))
	case !t.list.sent:
		to = append(to, t.n.canAt(i, ask, enlist))
		to = append(to, t.n.canAt(i, perform, enlist))
	}
	if s.allowed&Outage != 0 && t.ask.kind == noOp && t.link.kind != subscribe { // else it is offered for those
		to = append(to, t.n.canAt(i, giveUp, noOp))
	}
	return to
}
