package esttest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// toy is a small cluster to shrink failures of: clients join rooms and add to
// their sum, instances decide on snapshots and commit by compare-and-swap, and
// messages say that a room has moved. It is right but for the bugs that are planted.
type toy struct {
	bugs  []string // names of the checks that find them
	rooms map[string]*toyRoom
	insts []*toyInst
	conns map[connName]*toyConn
	lives map[int]int
	ids   int
}

type toyRoom struct {
	sum, truth, version int
	members             map[connName]string
	online              map[string]map[connName]bool
	applied             map[int]bool // commits
	counted             map[int]bool // events
}

type toyInst struct {
	number                int
	up, paused, away, cut bool
	sites                 []*toySite
}

type toyConn struct {
	inst         *toyInst
	site         *toySite
	user         string
	sent, work   int
	open, over   bool
	begun, asked bool // its join is in a commit; a side effect is performed
}

// toySite is a room on an instance.
type toySite struct {
	inst                          *toyInst
	name                          string
	room                          *toyRoom
	subscribed, loaded            bool
	doubted, gap, repairs, missed bool
	sum, version, heard           int // the snapshot, and the last message
	inbox                         []int
	queue                         []toyEvent
	op                            opKind
	done, conflict                bool
	commit                        int // id
	answerSum, answerVersion      int
}

type toyEvent struct {
	kind   byte // join, add, leave
	conn   connName
	amount int
	id     int
	commit int // id
}

func newToy(bugs ...string) *toy {
	t := &toy{bugs: bugs, rooms: map[string]*toyRoom{}, conns: map[connName]*toyConn{}, lives: map[int]int{}}
	for n := range 3 {
		t.insts = append(t.insts, &toyInst{number: n + 1, up: true})
	}
	return t
}

// toyAttempt is the attempt of a toy.
func toyAttempt(bugs ...string) attempt {
	return func(steps []step) (v verdict) {
		t := newToy(bugs...)
		for _, st := range steps {
			if t.do(st) {
				v.steps = append(v.steps, st)
			}
		}
		t.heal()
		v.failed, v.healed = t.check(), true
		return v
	}
}

func (t *toy) has(bug string) bool { return slices.Contains(t.bugs, bug) }

// do reports whether the step was possible.
func (t *toy) do(st step) bool {
	switch {
	case st.do == connect:
		return t.connect(st)
	case st.do == rival:
		r := t.rooms[st.room]
		if r != nil {
			t.publish(r)
		}
		return r != nil
	case st.do == wait:
		return true
	case st.conn != (connName{}):
		c := t.conns[st.conn]
		return c != nil && t.client(c, st)
	case st.inst < 1 || st.inst > len(t.insts):
		return false
	case st.room == "":
		return t.instance(t.insts[st.inst-1], st.do)
	}
	for _, s := range t.insts[st.inst-1].sites {
		if s.name == st.room {
			return t.site(s, st)
		}
	}
	return false
}

func (t *toy) connect(st step) bool {
	n, last := st.conn, t.conns[connName{st.conn.client, st.conn.life - 1}]
	if st.inst < 1 || st.inst > len(t.insts) || n.life != t.lives[n.client]+1 || last != nil && last.open {
		return false
	}
	i := t.insts[st.inst-1]
	if !i.up || i.paused {
		return false
	}
	t.lives[n.client]++
	t.conns[n] = &toyConn{inst: i, open: true}
	return true
}

func (t *toy) client(c *toyConn, st step) bool {
	alive := c.inst.up && !c.inst.paused
	switch st.do {
	case send:
		if !c.open || c.over || !alive {
			return false
		}
		c.sent++
		t.receive(c, st)
	case snap:
		if !c.open {
			return false
		}
		c.open = false
	case hangUp, clog, expire:
		if !c.open || !alive {
			return false
		}
		c.open = false
		t.close(c, st.conn)
	case notice:
		if c.open || c.over || !alive {
			return false
		}
		t.close(c, st.conn)
	case effect, effectAsk, effectFails, effectAnswer:
		if c.work == 0 || !alive || c.asked != (st.do == effectAnswer) {
			return false
		}
		if c.asked = st.do == effect; !c.asked {
			c.work--
		}
	}
	return true
}

func (t *toy) receive(c *toyConn, st step) {
	var m struct {
		Room, User string
		Add        int
	}
	if json.Unmarshal([]byte(st.text), &m) != nil {
		return
	}
	switch {
	case c.site == nil && m.Room != "":
		c.user, c.site = m.User, t.siteOf(c.inst, m.Room)
		t.ids++
		c.site.queue = append(c.site.queue, toyEvent{'j', st.conn, 0, t.ids, t.ids})
	case c.site != nil && m.Add != 0:
		t.ids++
		c.site.queue = append(c.site.queue, toyEvent{'a', st.conn, m.Add, t.ids, t.ids})
	}
	t.issue(c.site)
}

func (t *toy) siteOf(i *toyInst, name string) *toySite {
	for _, s := range i.sites {
		if s.name == name {
			return s
		}
	}
	if t.rooms[name] == nil {
		t.rooms[name] = &toyRoom{members: map[connName]string{}, online: map[string]map[connName]bool{}, applied: map[int]bool{}, counted: map[int]bool{}}
	}
	s := &toySite{inst: i, name: name, room: t.rooms[name]}
	i.sites = append(i.sites, s)
	return s
}

// close leaves the room. A join that nobody has begun is only forgotten; the bug
// forgets one too that is under way.
func (t *toy) close(c *toyConn, n connName) {
	c.over = true
	switch s := c.site; {
	case s == nil:
	case !c.begun:
		s.queue = slices.DeleteFunc(s.queue, func(e toyEvent) bool { return e.conn == n })
	case t.has("ghost-member") && s.room.members[n] == "":
	default:
		t.ids++
		s.queue = append(s.queue, toyEvent{'l', n, 0, t.ids, t.ids})
		t.issue(s)
	}
}

func (t *toy) instance(i *toyInst, v verb) bool {
	possible := map[verb]bool{crash: i.up, restart: !i.up, pause: i.up && !i.paused, resume: i.paused,
		away: i.up && !i.away, back: i.away, cut: i.up && !i.cut, join: i.cut}[v]
	if !possible {
		return false
	}
	switch v {
	case crash:
		*i = toyInst{number: i.number}
		for _, c := range t.conns {
			if c.inst == i {
				c.open, c.over, c.work = false, true, 0
			}
		}
	case restart:
		i.up = true
	case pause, resume:
		i.paused = v == pause
	case away, back:
		i.away = v == away
	case cut, join:
		i.cut = v == cut
		for _, s := range i.sites {
			s.inbox, s.doubted = nil, true
		}
	}
	return true
}

func (t *toy) String() string { return fmt.Sprint(t.bugs) }
