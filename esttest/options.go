package esttest

// choice is something that could happen next: a step, and whom it is about. A send
// has no text yet.
type choice[C, R any] struct {
	step
	c  *conn[C, R]
	n  *node[C, R]
	t  *site[C, R]
	at int // lates: which
}

// can is that something happens to a connection.
func (c *conn[C, R]) can(do verb) choice[C, R] {
	return choice[C, R]{step: step{do: do, conn: c.name}, c: c}
}

// can is that something happens to an instance.
func (n *node[C, R]) can(do verb) choice[C, R] {
	return choice[C, R]{step: step{do: do, inst: n.number}, n: n}
}

// can is that something happens to a room on an instance, of what it asks or not (noOp).
func (t *site[C, R]) can(do verb, op opKind) choice[C, R] {
	return choice[C, R]{step: step{do: do, op: op, inst: t.n.number, room: t.key}, t: t}
}

// maxLives is how often a client connects in one run at most.
const maxLives = 4

// options appends what could happen next, always in the same order.
func (s *sim[C, R]) options(to []choice[C, R]) []choice[C, R] {
	for _, a := range s.clients {
		to = s.clientOptions(to, a)
	}
	for _, c := range s.conns {
		to = s.connOptions(to, c)
	}
	for _, n := range s.nodes {
		to = s.nodeOptions(to, n)
	}
	for i, l := range s.lates {
		if s.allowed&LateCommit != 0 && s.firstLate(i) {
			to = append(to, choice[C, R]{step: step{do: land, inst: l.inst, room: l.room}, at: i})
		}
	}
	if s.allowed&Conflict != 0 {
		for _, r := range s.rooms {
			if valueOf(r.state) != nil {
				to = append(to, choice[C, R]{step: step{do: rival, room: r.key}})
			}
		}
	}
	if s.allowed&lively != 0 {
		to = s.roundOptions(to)
	}
	if s.model.Outside != nil {
		to = append(to, choice[C, R]{step: step{do: outside}})
	}
	return append(to, choice[C, R]{step: step{do: wait}})
}

// firstLate says whether no earlier one has the same name.
func (s *sim[C, R]) firstLate(i int) bool {
	for _, l := range s.lates[:i] {
		if l.inst == s.lates[i].inst && l.room == s.lates[i].room {
			return false
		}
	}
	return true
}

func (s *sim[C, R]) clientOptions(to []choice[C, R], a *actor[C, R]) []choice[C, R] {
	c := a.conn
	if c == nil || !c.open {
		if a.lives == maxLives {
			return to
		}
		for _, n := range s.nodes {
			if n.up && !n.paused {
				to = append(to, choice[C, R]{step: step{do: connect, conn: connName{a.number, a.lives + 1}, inst: n.number}, n: n})
			}
		}
		return to
	}
	if c.node.up && !c.node.paused {
		to = append(to, c.can(send), c.can(hangUp))
		if s.allowed&Slow != 0 && len(c.seen) > 0 {
			to = append(to, c.can(clog))
		}
		if s.allowed&Silent != 0 && c.sent == 0 && !s.p.user.AuthenticateOnConnect {
			to = append(to, c.can(expire))
		}
	}
	if s.allowed&Broken != 0 {
		to = append(to, c.can(snap))
	}
	return to
}

func (s *sim[C, R]) connOptions(to []choice[C, R], c *conn[C, R]) []choice[C, R] {
	if !c.open && !c.over && c.node.up && !c.node.paused {
		to = append(to, c.can(notice))
	}
	if len(c.work) == 0 || !s.performer(c).up || s.performer(c).paused {
		return to
	}
	if c.work[0].done {
		return append(to, c.can(effectAnswer))
	}
	to = append(to, c.can(effectAsk))
	if s.p.user.Performed == nil {
		return to
	}
	to = append(to, c.can(effect))
	if s.allowed&EffectFails != 0 {
		to = append(to, c.can(effectFails))
	}
	return to
}

func (s *sim[C, R]) nodeOptions(to []choice[C, R], n *node[C, R]) []choice[C, R] {
	if !n.up {
		return append(to, n.can(restart))
	}
	for _, t := range n.sites {
		if t.eclipsed() {
			continue
		}
		to = s.opOptions(to, t, &t.ask)
		to = s.opOptions(to, t, &t.link)
		to = s.listOptions(to, t)
		if len(t.queue) > 0 && !n.paused {
			to = s.messageOptions(to, t)
		}
	}
	if n.pulse != nil {
		for i := range n.pulse.chores {
			to = s.choreOptions(to, n, i)
		}
	}
	switch {
	case n.paused:
		to = append(to, n.can(resume))
	case s.allowed&Pause != 0:
		to = append(to, n.can(pause))
	}
	switch {
	case n.away:
		to = append(to, n.can(back))
	case s.allowed&Outage != 0 && len(n.sites) > 0:
		to = append(to, n.can(away))
	}
	switch {
	case n.cut && !n.away:
		to = append(to, n.can(join))
	case !n.cut && s.allowed&Gap != 0 && len(n.sites) > 0:
		to = append(to, n.can(cut))
	}
	if s.allowed&Crash != 0 {
		to = append(to, n.can(crash))
	}
	return to
}

// eclipsed says whether its instance has an older machine of the same room, which is
// retired: a step of the room is one of that machine's, as long as it is there.
func (t *site[C, R]) eclipsed() bool {
	for _, o := range t.n.sites {
		if o.key == t.key {
			return o != t
		}
	}
	return false
}

// performer is the instance that performs the oldest side effect of a connection.
func (s *sim[C, R]) performer(c *conn[C, R]) *node[C, R] { return s.nodes[c.work[0].on-1] }

// opOptions is what can become of what a room asks of the store.
func (s *sim[C, R]) opOptions(to []choice[C, R], t *site[C, R], o *op[C]) []choice[C, R] {
	if o.kind == noOp {
		return to
	}
	alive := !t.n.paused
	switch {
	case !o.done && !t.n.away && (o.kind != subscribe || !t.n.cut):
		if alive {
			to = append(to, t.can(ask, o.kind))
		}
		to = append(to, t.can(perform, o.kind))
	case o.done && alive && !t.n.away:
		to = append(to, t.can(answer, o.kind))
	}
	if !alive {
		return to
	}
	if o.kind == commit {
		if !o.done && s.allowed&CommitFails != 0 {
			to = append(to, t.can(fail, o.kind))
		}
		if o.done && s.allowed&ReplyLost != 0 {
			to = append(to, t.can(lose, o.kind))
		}
		if t.given > 1 && s.allowed&Outage != 0 {
			to = append(to, t.can(forget, o.kind))
		}
	}
	if s.allowed&Outage != 0 && o.kind != unsubscribe && (o == &t.ask || t.ask.kind == noOp) {
		to = append(to, t.can(giveUp, noOp))
	}
	return to
}

func (s *sim[C, R]) messageOptions(to []choice[C, R], t *site[C, R]) []choice[C, R] {
	to = append(to, t.can(hear, noOp))
	if s.allowed&Loss != 0 {
		to = append(to, t.can(drop, noOp))
	}
	if s.allowed&Duplicate != 0 {
		to = append(to, t.can(twice, noOp))
	}
	if s.allowed&Reorder != 0 && len(t.queue) > 1 {
		to = append(to, t.can(delay, noOp))
	}
	return to
}

// find is the choice that a step names, if it is possible now.
func (s *sim[C, R]) find(st step, among []choice[C, R]) (choice[C, R], bool) {
	text := st.text
	st.text = ""
	for _, ch := range among {
		if ch.step == st {
			ch.text = text
			return ch, true
		}
	}
	return choice[C, R]{}, false
}
