package esttest

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// sim is a simulated cluster: instances built from the machines of package core, a
// store that keeps the rule of package broker, clients, and the network between
// them. Nothing in it happens by itself: [sim.options] says what could happen
// next, and [sim.run] has it happen.
type sim[C, R any] struct {
	p       *probe[C, R] // the integration, with everything that it does seen
	model   *Model[C, R]
	now     time.Time
	nodes   []*node[C, R]
	rooms   []*record // in the order in which they came up
	clients []*actor[C, R]
	conns   []*conn[C, R] // all that ever were, in the order in which they connected
	lates   []late[C]
	foreign uint64 // commits from outside any instance so far
	effects []any  // side effects that were performed

	liveness liveness
	registry []*record // est's own records
	rounds   int       // so far
	beaten   time.Time // when the last one was
	debts    []debt

	still   bool       // time passes only where that is what happens
	allowed Fault      // kinds of faults that options offers
	failed  *violation // the first thing that was found
	stats   *Stats
	changed bool              // something that a property can see has changed
	fx      []core.Effect     // of a machine's step, empty between two
	lifeFx  []core.LifeEffect // and of a Life's

	tracing bool
	steps   int  // decisions so far
	turns   int  // steps of settling so far
	split   bool // when settling, commits and their answers are two steps
	scenes  []scene
}

// actor is a client, over all its connections.
type actor[C, R any] struct {
	number int // from 1
	conn   *conn[C, R]
	lives  int
}

// conn is one connection of a client.
type conn[C, R any] struct {
	id     core.ConnID
	name   connName
	node   *node[C, R]
	site   *site[C, R] // whose machine has it; nil once that has forgotten it
	hello  core.Handshake
	opened time.Time

	open    bool // as the client sees it
	over    bool // the instance knows that it is over: its machine was given Closed
	code    core.CloseCode
	closing bool // the machine asked for the close
	sent    int
	seen    []core.Message

	work []work // side effects that wait, in order

	watch[C] // what the checks know of it
}

// work is a side effect.
type work struct {
	effect any
	on     int  // the instance that performs it
	done   bool // it was performed; the answer is on its way
	answer core.Performed
}

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

// late is a commit that nobody waits for any more, and that may still take place.
type late[C any] struct {
	inst   int
	room   string
	writer string
	fx     core.Commit
	deal   *deal[C]
	note   *core.CommitRecord // in place of fx
}

// record is a room as the store has it.
type record struct {
	key   string
	state broker.State
	log   map[*byte]logged // the messages, by where their bodies are kept
	past  []stateAt        // each state that it had, if everything is looked at
}

// logged is a message of a room.
type logged struct {
	at core.Position
	to string // "": all
}

// stateAt is a room state, as the functions see it, and the number of the last
// message before the commit that left it.
type stateAt struct {
	after uint64
	value []byte
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newSim[C, R any](p *probe[C, R], m *Model[C, R], instances, clients int, allowed Fault, stats *Stats) *sim[C, R] {
	s := &sim[C, R]{p: p, model: m, now: epoch, allowed: allowed, stats: stats}
	for i := range instances {
		n := &node[C, R]{number: i + 1}
		s.nodes = append(s.nodes, n)
		s.start(n)
	}
	for i := range clients {
		s.clients = append(s.clients, &actor[C, R]{number: i + 1})
	}
	return s
}

// start begins a life of an instance.
func (s *sim[C, R]) start(n *node[C, R]) {
	n.up, n.paused, n.away, n.cut = true, false, false, false
	s.christen(n)
	n.lobby = &site[C, R]{n: n, writer: n.writer, m: core.NewRoom(&s.p.seen, "", n.writer, 0, nil)}
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
	t := &site[C, R]{n: n, key: key, writer: n.writer, m: core.NewRoom(&s.p.seen, key, n.writer, n.after, o)}
	n.sites = append(n.sites, t)
	return t
}

// record is the store's record of a room.
func (s *sim[C, R]) record(key string) *record {
	for _, r := range s.rooms {
		if r.key == key {
			return r
		}
	}
	r := &record{key: key, log: map[*byte]logged{}}
	s.rooms = append(s.rooms, r)
	return r
}

// connOf is the connection with an id; nil if there is none.
func (s *sim[C, R]) connOf(id core.ConnID) *conn[C, R] {
	for i := len(s.conns) - 1; i >= 0; i-- {
		if s.conns[i].id == id {
			return s.conns[i]
		}
	}
	return nil
}

// connID is 32 hexadecimal digits that occur nowhere by chance, the same in each run.
func (p *probe[C, R]) connID(n connName) core.ConnID {
	id, known := p.ids[n]
	if !known {
		sum := fnv.New128a()
		fmt.Fprintf(sum, "est connection %d.%d", n.client, n.life)
		id = core.ConnID(hex.EncodeToString(sum.Sum(nil)))
		p.ids[n] = id
	}
	return id
}

// names puts the names of connections where a text has their ids.
func (s *sim[C, R]) names(text string) string {
	for _, c := range s.conns {
		text = strings.ReplaceAll(text, string(c.id), c.name.String())
	}
	return text
}

// fail takes note of the first thing that is wrong.
func (s *sim[C, R]) fail(check, format string, args ...any) {
	s.failWith(check, "", format, args...)
}

func (s *sim[C, R]) failWith(check, diff, format string, args ...any) {
	if s.failed == nil && !s.p.disabled[check] {
		s.failed = &violation{check: check, text: s.names(fmt.Sprintf(format, args...)), diff: s.names(diff)}
	}
}

// tell adds a line to the story, if one is told.
func (s *sim[C, R]) tell(from, to lane, lost bool, text string) {
	if s.tracing {
		s.scenes = append(s.scenes, scene{step: s.steps, from: from, to: to, lost: lost, text: s.names(text)})
	}
}

func (s *sim[C, R]) tellf(from, to lane, lost bool, format string, args ...any) {
	if s.tracing {
		s.tell(from, to, lost, fmt.Sprintf(format, args...))
	}
}

func (c *conn[C, R]) lane() lane { return lane{client, c.name.client} }
func (n *node[C, R]) lane() lane { return lane{inst, n.number} }

// happen gives events to a machine and carries out what it asks for.
func (s *sim[C, R]) happen(t *site[C, R], events ...core.Event) {
	s.p.begin(s)
	buf := s.fx
	s.fx = nil // a nested call must not write into it
	t.own()
	fx := t.m.Step(buf, events...)
	d := s.p.end(fx)
	s.staleDeliveries(t, d)
	for _, fx := range fx {
		s.carryOut(t, fx, d)
	}
	s.settleDeal(d)
	clear(fx)
	s.fx = fx[:0]
	if t.key != "" && t.m.Idle() {
		if !t.retired {
			t.n.after = max(t.n.after, t.m.Number())
			s.post(t.n, core.Unwanted{Room: t.key, Unsure: t.unsure})
		}
		t.n.sites = slices.DeleteFunc(t.n.sites, func(o *site[C, R]) bool { return o == t })
	}
}

func (s *sim[C, R]) carryOut(t *site[C, R], effect core.Effect, d *deal[C]) {
	switch fx := effect.(type) {
	case core.Send:
		for _, id := range fx.To {
			s.receive(t, s.connOf(id), fx)
		}
	case core.Close:
		c := s.connOf(fx.Conn)
		c.closing, c.code = true, fx.Code
		s.closeWatched(c)
		if c.open {
			c.open, s.changed = false, true
			s.tellf(t.n.lane(), c.lane(), false, "close %v", fx.Code)
		}
	case core.Perform:
		if t.isOrphan(fx.Conn) {
			s.orphanPerforms(t, fx)
			return
		}
		c := s.connOf(fx.Conn)
		s.performWatched(c, fx, d)
		c.work = append(c.work, work{effect: fx.Effect, on: t.n.number})
	case core.Move:
		c := s.connOf(fx.Conn)
		c.site = s.site(t.n, fx.Room)
		s.happen(c.site, append([]core.Event{fx.Entered}, fx.Waiting...)...)
	case core.Gone:
		if t.isOrphan(fx.Conn) {
			s.orphanGone(t, fx.Conn)
			return
		}
		s.connOf(fx.Conn).site = nil
	case core.Report:
		s.reported(fx)
	case core.Subscribe, core.Unsubscribe:
		kind := subscribe
		if _, off := effect.(core.Unsubscribe); off {
			kind = unsubscribe
		}
		t.link = op[C]{kind: kind, fx: effect}
	case core.List:
		t.list = op[C]{kind: enlist, fx: effect}
	case core.Load:
		t.ask = op[C]{kind: load, fx: effect}
	case core.Commit:
		if fx.Again == 0 {
			t.given = 0
		} else if last := t.ask.deal; last != nil {
			d = last // what was decided is still the same
		}
		t.ask = op[C]{kind: commit, fx: effect, deal: d}
	}
}

// receive has a client get a message.
func (s *sim[C, R]) receive(t *site[C, R], c *conn[C, R], fx core.Send) {
	if c.closing || c.over {
		s.fail("send-after-close", "%v is sent %s after its connection was closed", c.name, fx.Message)
	}
	if fx.Cause.At.Seq > 0 && s.p.user.Deliver == nil {
		s.heard(c, t.key, fx.Cause.At, s.logged(fx.Message).to)
	}
	if !c.open {
		s.tell(t.n.lane(), c.lane(), true, s.text(fx.Message))
		return
	}
	s.changed = true
	c.seen = append(c.seen, fx.Message)
	s.tell(t.n.lane(), c.lane(), false, s.text(fx.Message))
}

// say gives an event of a connection to the machine that has it.
func (s *sim[C, R]) say(c *conn[C, R], ev core.Event) {
	if c.site != nil {
		s.happen(c.site, ev)
	}
}
