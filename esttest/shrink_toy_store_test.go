package esttest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// site does what happens between a room on an instance and the store.
func (t *toy) site(s *toySite, st step) bool {
	if s.inst.paused || !s.inst.up {
		return false
	}
	switch st.do {
	case hear, drop, twice, delay:
		return t.message(s, st.do)
	case giveUp:
		if s.op == noOp || s.done {
			return false
		}
		s.op = noOp
		t.issue(s)
		return true
	}
	if s.op == noOp || s.op != st.op || s.inst.away || s.inst.cut && s.op == subscribe || s.done != (st.do == answer || st.do == lose) {
		return false
	}
	switch st.do {
	case perform, ask:
		t.perform(s)
		if st.do == ask {
			t.answer(s)
		}
	case answer:
		t.answer(s)
	case fail:
		s.op = noOp
		t.issue(s)
	case lose:
		if s.op != commit {
			return false
		}
		s.done = false // the same commit again
		if t.has("counted-twice") {
			t.ids++
			s.queue[0].commit = t.ids // as a new one
			s.commit = t.ids
		}
	default:
		return false
	}
	return true
}

// issue has a room ask the store for what it needs next.
func (t *toy) issue(s *toySite) {
	if s == nil || s.op != noOp {
		return
	}
	s.done = false
	switch {
	case len(s.queue) == 0 && !s.gap:
	case !s.subscribed:
		s.op = subscribe
	case !s.loaded || s.gap:
		s.op = load
	default:
		s.op = commit
		s.commit = s.queue[0].commit
		t.conns[s.queue[0].conn].begun = true
	}
}

func (t *toy) perform(s *toySite) {
	r := s.room
	s.done, s.conflict = true, false
	switch s.op {
	case subscribe:
		s.subscribed, s.heard = true, r.version
	case load:
		s.repairs = s.gap
	case commit:
		e := s.queue[0]
		switch {
		case r.applied[s.commit]:
		case s.version != r.version && !(e.kind == 'a' && t.has("lost-update")):
			s.conflict = true
		default:
			r.applied[s.commit] = true
			t.apply(s, r, e)
		}
	}
	s.answerSum, s.answerVersion = r.sum, r.version
}

func (t *toy) apply(s *toySite, r *toyRoom, e toyEvent) {
	c := t.conns[e.conn]
	switch e.kind {
	case 'j':
		r.members[e.conn] = "member"
		if r.online[c.user] == nil {
			r.online[c.user] = map[connName]bool{}
		}
		r.online[c.user][e.conn] = true
	case 'a':
		r.sum = s.sum + e.amount
		if !r.counted[e.id] {
			r.truth += e.amount
		}
		r.counted[e.id] = true
		c.work++
	case 'l':
		delete(r.members, e.conn)
		delete(r.online[c.user], e.conn)
		if t.has("lost-login") {
			clear(r.online[c.user])
		}
	}
	t.publish(r)
}

func (t *toy) publish(r *toyRoom) {
	r.version++
	for _, i := range t.insts {
		for _, s := range i.sites {
			if s.room == r && s.subscribed && i.up && !i.cut {
				s.inbox = append(s.inbox, r.version)
			}
		}
	}
}

func (t *toy) answer(s *toySite) {
	switch s.op {
	case load, commit:
		s.sum, s.version, s.loaded = s.answerSum, s.answerVersion, true
		if s.repairs && s.op == load {
			s.gap, s.repairs, s.heard = false, false, max(s.heard, s.answerVersion)
		}
		if s.op == commit && !s.conflict {
			s.queue = s.queue[1:]
		}
	}
	s.op = noOp
	t.issue(s)
}

func (t *toy) message(s *toySite, v verb) bool {
	if len(s.inbox) == 0 {
		return false
	}
	next := s.inbox[0]
	if v != twice {
		s.inbox = s.inbox[1:]
	}
	switch {
	case v == drop:
	case v == delay:
		s.inbox = append(s.inbox, next)
	case next == s.heard+1:
		s.heard = next
	case next > s.heard && t.has("stale-replica"):
		s.heard, s.missed = next, true
	case next > s.heard:
		s.gap, s.repairs = true, false
		t.issue(s)
	}
	return true
}

// heal ends the faults and lets the instances finish, one after the other.
func (t *toy) heal() {
	for _, i := range t.insts {
		*i = toyInst{number: i.number, up: true, sites: i.sites}
		for _, s := range i.sites {
			if s.doubted || s.subscribed && !t.has("stale-replica") {
				s.gap, s.repairs = true, false
			}
			t.issue(s)
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(t.conns), func(a, b connName) int { return a.client*100 + a.life - b.client*100 - b.life }) {
		if c := t.conns[n]; !c.open && !c.over {
			t.close(c, n)
		}
	}
	for again := true; again; {
		again = false
		for _, i := range t.insts {
			for _, s := range i.sites {
				for len(s.inbox) > 0 || s.op != noOp {
					again = true
					switch {
					case len(s.inbox) > 0:
						t.message(s, hear)
					case s.done:
						t.answer(s)
					default:
						t.perform(s)
					}
				}
			}
		}
	}
}

// check looks at what must be in the end. The order of the checks is fixed: where
// two are broken, it is the first that fails.
func (t *toy) check() *violation {
	for _, name := range slices.Sorted(maps.Keys(t.rooms)) {
		r := t.rooms[name]
		switch {
		case r.sum < r.truth:
			return &violation{check: "lost-update", text: fmt.Sprintf("%d < %d", r.sum, r.truth)}
		case r.sum > r.truth:
			return &violation{check: "counted-twice", text: fmt.Sprintf("%d > %d", r.sum, r.truth)}
		}
		for n := range r.members {
			if c := t.conns[n]; c.over && c.inst.up && c.site.inst == c.inst && slices.Contains(c.inst.sites, c.site) {
				return &violation{check: "ghost-member", text: "a member is over"}
			}
		}
		for n, c := range t.conns {
			if c.open && c.site != nil && c.site.room == r && !r.online[c.user][n] {
				return &violation{check: "lost-login", text: "somebody is not online"}
			}
		}
	}
	for _, i := range t.insts {
		for _, s := range i.sites {
			if s.subscribed && (s.missed || s.heard != s.room.version) {
				return &violation{check: "stale-replica", text: "a replica is behind"}
			}
		}
	}
	return nil
}

// toyRun draws steps that are possible until there are n, and says how they end.
func toyRun(r *rand.Rand, n int, bugs ...string) verdict {
	t := newToy(bugs...)
	verbs := []verb{connect, connect, connect, send, send, send, send, hangUp, notice, perform, perform, answer, answer, answer,
		ask, ask, ask, ask, hear, hear, hear, join, restart, resume, back, effect, effectAnswer, effectAsk, wait}
	faults := []verb{snap, snap, snap, expire, clog, fail, lose, lose, rival, giveUp, drop, twice, delay, cut, crash, pause, away}
	var steps []step
	for len(steps) < n {
		st := step{do: verbs[r.IntN(len(verbs))]}
		if r.IntN(40) == 0 {
			st.do = faults[r.IntN(len(faults))]
		}
		client, inst, room := 1+r.IntN(6), 1+r.IntN(3), fmt.Sprintf("r%d", 1+r.IntN(2))
		name := connName{client, t.lives[client]}
		switch st.do {
		case connect:
			st.conn, st.inst = connName{client, name.life + 1}, inst
		case send:
			st.conn = name
			st.text = fmt.Sprintf(`{"add":%d,"note":"%x","tags":["a","b"]}`, 1+r.IntN(90), r.IntN(1<<20))
			if c := t.conns[name]; c != nil && c.sent == 0 {
				st.text = fmt.Sprintf(`{"room":"r%d","user":"u%d"}`, 1+r.IntN(2), client)
			}
		case hangUp, snap, notice, expire, clog, effect, effectAnswer, effectAsk:
			st.conn = name
		case perform, answer, ask, fail, lose:
			if at := t.insts[inst-1].sites; len(at) > 0 {
				site := at[r.IntN(len(at))]
				st.inst, st.room, st.op = inst, site.name, site.op
			}
		case giveUp, hear, drop, twice, delay:
			st.inst, st.room = inst, room
		case rival:
			st.room = room
		case wait:
		default:
			st.inst = inst
		}
		if t.do(st) {
			steps = append(steps, st)
		}
	}
	return toyAttempt(bugs...)(steps)
}
