package esttest

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
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
	registry []*ownRecord
	rounds   int       // so far
	beaten   time.Time // when the last one was
	debts    []debt

	still   bool       // time passes only where that is what happens
	allowed Fault      // kinds of faults that options offers
	failed  *violation // the first thing that was found
	stats   *Stats
	changed bool                  // something that a property can see has changed
	fx      []core.Effect         // of a machine's step, empty between two
	lifeFx  []core.LifeEffect     // and of a Life's
	expect  broker.Version        // of the commit that takes place
	changes []broker.MemberChange // likewise

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
	at     int32 // its index in conns
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
	log   []logged
	past  []stateAt // each state that it had, if everything is looked at
}

// logged is a message of a room.
type logged struct {
	body *byte // where its body is kept: all deliveries of it share that
	at   core.Position
	to   string // "": all
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
	nodes, actors := make([]node[C, R], instances), make([]actor[C, R], clients)
	s.nodes, s.clients = make([]*node[C, R], instances), make([]*actor[C, R], clients)
	for i := range nodes {
		s.nodes[i] = &nodes[i]
		nodes[i].number = i + 1
		s.start(&nodes[i])
	}
	for i := range actors {
		s.clients[i] = &actors[i]
		actors[i].number = i + 1
	}
	return s
}

// record is the store's record of a room.
func (s *sim[C, R]) record(key string) *record {
	for _, r := range s.rooms {
		if r.key == key {
			return r
		}
	}
	r := &record{key: key}
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
