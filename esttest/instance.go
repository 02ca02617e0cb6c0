package esttest

import (
	"strconv"

	"github.com/spinneyio/est/core"
)

// node is an instance.
type node[C, R any] struct {
	number int
	life   int
	writer string
	up     bool
	paused bool
	away   bool // it can't reach the store
	cut    bool // it hears nothing from the store
	lobby  *site[C, R]
	sites  []*site[C, R] // of rooms, in the order in which they came up
	after  uint64
	pulse  *pulse // nil if asleep, or down
}

// site is a room's machine on an instance, and what is under way for it.
type site[C, R any] struct {
	n      *node[C, R]
	m      *core.Room[C, R]
	key    string
	writer string
	ask    op[C]        // a Load or a Commit
	link   op[C]        // a Subscribe or an Unsubscribe
	list   op[C]        // a List
	linked bool         // the store sends it messages
	queue  []core.Event // those on their way: Delivered and Doubted
	given  int          // how often patience with the commit under way has ended
	lost   uint64       // number of the first message that was dropped since the last one that came; 0: none

	retired bool // its instance was expelled: nobody enters any more
	unsure  bool // nobody knows what became of one of its commits
	orphans []orphan

	shared bool      // a clone of the cluster has the same machine
	print  *[16]byte // fingerprint of the machine; nil: not known
}

// op is what a machine asks of the store. The zero op is none.
type op[C any] struct {
	kind   opKind
	fx     core.Effect
	sent   bool       // of a List: the Life was asked
	done   bool       // it took place; the answer is on its way
	answer core.Event // then
	deal   *deal[C]   // of a commit
}

// start begins a life of an instance.
func (s *sim[C, R]) start(n *node[C, R]) {
	n.up, n.paused, n.away, n.cut = true, false, false, false
	s.christen(n)
	n.lobby = &site[C, R]{n: n, writer: n.writer, m: s.p.machines.New("", n.writer, 0, nil)}
	n.sites = nil
	if s.liveness != asleep {
		s.exist(n, "")
	}
}

// christen gives an instance a name that it never had.
func (s *sim[C, R]) christen(n *node[C, R]) {
	n.life++
	n.after = 0
	if n.writer = "i" + strconv.Itoa(n.number); n.life > 1 {
		n.writer += "." + strconv.Itoa(n.life)
	}
}

// site is the machine of a room on an instance; it is made where there is none.
func (s *sim[C, R]) site(n *node[C, R], key string) *site[C, R] {
	if key == "" {
		return n.lobby
	}
	for _, t := range n.sites {
		if t.key == key && !t.retired {
			return t
		}
	}
	var o *core.RoomOptions
	if s.liveness != asleep {
		o = &core.RoomOptions{List: true}
	}
	t := &site[C, R]{n: n, key: key, writer: n.writer, m: s.p.machines.New(key, n.writer, n.after, o)}
	n.sites = append(n.sites, t)
	return t
}

func (s *sim[C, R]) runNode(ch choice) {
	n := s.nodes[ch.inst-1]
	here := func(text string) { s.tell(n.lane(), n.lane(), false, text) }
	switch ch.do {
	case pause:
		n.paused = true
		here("stands still")
	case resume:
		n.paused = false
		here("goes on")
		s.keepUp(n)
	case away:
		n.away = true
		here("can't reach the broker")
		s.cut(n)
	case back:
		n.away = false
		here("reaches the broker again")
		s.keepUp(n)
	case cut:
		here("the connection for messages is cut")
		s.cut(n)
	case join:
		n.cut = false
		here("hears messages again, and may have missed some")
		for _, t := range n.sites {
			if t.linked {
				t.queue = append(t.queue, core.Doubted{})
			}
		}
	case crash:
		here("crashes")
		s.crash(n)
	case restart:
		here("starts again")
		s.start(n)
	}
}

// cut loses what is on its way to an instance.
func (s *sim[C, R]) cut(n *node[C, R]) {
	n.cut = true
	for _, t := range n.sites {
		t.queue = nil
	}
}

// crash ends an instance between two steps. What it asked of the store may still
// take place.
func (s *sim[C, R]) crash(n *node[C, R]) {
	s.wake()
	n.up = false
	for _, t := range n.sites {
		s.giveUpCommit(t)
	}
	s.dies(n)
	n.sites = nil
	for _, c := range s.conns {
		if c.node == n && (!c.over || c.site != nil) {
			c.open, c.over, c.site, c.owed, c.crashed = false, true, nil, nil, true
			s.closeWatched(c)
		}
	}
}
