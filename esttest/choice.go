package esttest

// choice is something that could happen next: what it is, and where to find what it
// is about. It is small, since many are listed for one that happens. Its name is a
// step, see [sim.named]. A send has no text yet.
type choice struct {
	do   verb
	op   opKind
	inst int32 // as in step; 0 for a land too
	at   int32 // the index of the client, connection, machine (of inst), chore (of inst), late commit or room
	text string
}

// can is that something happens to a connection.
func (c *conn[C, R]) can(do verb) choice { return choice{do: do, at: c.at} }

// can is that something happens to an instance.
func (n *node[C, R]) can(do verb) choice { return choice{do: do, inst: int32(n.number)} }

// canAt is that something happens to the i-th of the machines or chores of an instance, of
// what it asks or not (noOp).
func (n *node[C, R]) canAt(i int, do verb, op opKind) choice {
	return choice{do: do, op: op, inst: int32(n.number), at: int32(i)}
}

// named is the name of a choice, which means the same where other things are possible.
func (s *sim[C, R]) named(ch choice) step {
	st := step{do: ch.do, op: ch.op, inst: int(ch.inst), text: ch.text}
	switch ch.do {
	case connect:
		a := s.clients[ch.at]
		st.conn = connName{a.number, a.lives + 1}
	case send, hangUp, snap, notice, expire, clog, effect, effectFails, effectAnswer, effectAsk:
		st.conn = s.conns[ch.at].name
	case perform, answer, ask, fail, lose, giveUp, forget, hear, drop, twice, delay:
		if n := s.nodes[ch.inst-1]; ch.op.isChore() {
			st.room = n.pulse.chores[ch.at].place()
		} else {
			st.room = n.sites[ch.at].key
		}
	case land:
		st.inst, st.room = s.lates[ch.at].inst, s.lates[ch.at].room
	case rival:
		st.room = s.rooms[ch.at].key
	}
	return st
}

// find is the choice that a step names, if it is possible now.
func (s *sim[C, R]) find(st step, among []choice) (choice, bool) {
	text := st.text
	st.text = ""
	for _, ch := range among {
		if ch.do == st.do && s.named(ch) == st {
			ch.text = text
			return ch, true
		}
	}
	return choice{}, false
}
