package core_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// cluster runs the machines of a few instances on a model store, broker.Apply.
// Nothing happens by itself: each commit, each answer, each message waits until
// the test has it happen. It is also the smallest complete driver.
type cluster[C, R any] struct {
	machines *core.Rooms[C, R]
	opt      *core.RoomOptions
	now      time.Time
	nodes    []*node[C, R]
	store    map[string]broker.State // by room key
	ops      []*op[C, R]             // asked of the store, or of the world, and not answered yet
	links    []*link[C, R]           // subscriptions
	clients  map[core.ConnID]*client
	lives    []*lifeOp[C, R] // asked of the store by Lifes, or of their driver
	reaped   int             // orphans so far
	perform  func(effect any) core.Performed
	print    func(line string)                                               // nil: silent
	check    func(r *core.Room[C, R], fx []core.Effect, events []core.Event) // nil: none
}

// node is an instance.
type node[C, R any] struct {
	name             string
	lobby            *core.Room[C, R]
	rooms            map[string]*core.Room[C, R]
	home             map[core.ConnID]*core.Room[C, R]
	after            uint64
	*existence[C, R] // nil: nobody knows whether it lives
}

// op is an effect that waits for its answer.
type op[C, R any] struct {
	n      *node[C, R]
	r      *core.Room[C, R]
	fx     core.Effect
	done   bool       // it took place; the answer is on its way
	answer core.Event // then
}

// link is a subscription and what is on its way through it.
type link[C, R any] struct {
	n     *node[C, R]
	r     *core.Room[C, R]
	queue []core.Delivered
}

type client struct {
	node    int
	got     []core.Message
	closed  core.CloseCode // by est
	gone    bool
	over    bool // the machines have heard that it is closed
	crashed bool // with its instance
}

func newCluster[C, R any](in *core.Integration[C, R], nodes int) *cluster[C, R] {
	c := &cluster[C, R]{
		machines: core.RoomsOf(in), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		store:   map[string]broker.State{},
		clients: map[core.ConnID]*client{},
		perform: func(effect any) core.Performed {
			return core.Performed{Effect: effect, Result: core.Message(`"done"`)}
		},
	}
	for i := range nodes {
		n := &node[C, R]{name: fmt.Sprint(i + 1), rooms: map[string]*core.Room[C, R]{}, home: map[core.ConnID]*core.Room[C, R]{}}
		n.lobby = c.machines.New("", n.name, 0, nil)
		c.nodes = append(c.nodes, n)
	}
	return c
}

func (c *cluster[C, R]) printf(format string, args ...any) {
	if c.print != nil {
		c.print(fmt.Sprintf(format, args...))
	}
}

func (c *cluster[C, R]) open(node int, id core.ConnID, h core.Handshake) {
	n := c.nodes[node]
	c.clients[id] = &client{node: node}
	n.home[id] = n.lobby
	c.happen(n, n.lobby, core.Opened{Conn: id, Now: c.now, Handshake: h})
}

// say gives an event of a connection to the machine that has it.
func (c *cluster[C, R]) say(id core.ConnID, ev core.Event) {
	n := c.nodes[c.clients[id].node]
	if r := n.home[id]; r != nil {
		c.happen(n, r, ev)
	}
}

func (c *cluster[C, R]) send(id core.ConnID, text string) {
	c.say(id, core.Received{Conn: id, Now: c.now, Message: core.Message(text)})
}

func (c *cluster[C, R]) leave(id core.ConnID) {
	if cl := c.clients[id]; !cl.over {
		cl.over = true
		c.say(id, core.Closed{Conn: id, Now: c.now})
	}
}

// happen steps a machine and carries out what it asks for.
func (c *cluster[C, R]) happen(n *node[C, R], r *core.Room[C, R], events ...core.Event) {
	var before *core.Room[C, R]
	if c.check != nil {
		before = r.Clone()
	}
	effects := r.Step(nil, events...)
	if c.check != nil {
		c.check(before, effects, events)
	}
	for _, fx := range effects {
		c.printf("  %s/%s: %v", n.name, r.Key(), fx)
		switch fx := fx.(type) {
		case core.Send:
			for _, id := range fx.To {
				cl := c.clients[id]
				if cl.closed != 0 || cl.over {
					panic(fmt.Sprintf("%v: sent after the close", fx))
				}
				cl.got = append(cl.got, fx.Message)
			}
		case core.Close:
			c.clients[fx.Conn].closed = fx.Code
			c.ops = append(c.ops, &op[C, R]{n: n, r: r, fx: fx})
		case core.Move:
			to := n.lobby
			if fx.Room != "" {
				to = c.room(n, fx.Room)
			}
			n.home[fx.Conn] = to
			c.happen(n, to, append([]core.Event{fx.Entered}, fx.Waiting...)...)
		case core.Gone:
			if n.existence != nil && c.orphanGone(n, r, fx.Conn) {
				continue
			}
			delete(n.home, fx.Conn)
			c.clients[fx.Conn].gone = true
		case core.List:
			c.list(n, r)
		case core.Report:
		default:
			c.ops = append(c.ops, &op[C, R]{n: n, r: r, fx: fx})
		}
	}
	if r.Idle() && r.Key() != "" && n.rooms[r.Key()] == r {
		n.after = max(n.after, r.Number())
		delete(n.rooms, r.Key())
		c.unlist(n, r)
	}
}

func (c *cluster[C, R]) room(n *node[C, R], key string) *core.Room[C, R] {
	if n.rooms[key] == nil {
		n.rooms[key] = c.machines.New(key, n.name, n.after, c.opt)
		if n.existence != nil {
			n.writers[n.rooms[key]] = n.name
		}
	}
	return n.rooms[key]
}

// writer is who commits for a machine.
func (n *node[C, R]) writer(r *core.Room[C, R]) string {
	if n.existence != nil {
		return n.writers[r]
	}
	return n.name
}

// do has an effect take place; its answer is still on its way.
func (c *cluster[C, R]) do(o *op[C, R]) {
	o.done = true
	key := o.r.Key()
	switch fx := o.fx.(type) {
	case core.Close:
		o.answer = core.Closed{Conn: fx.Conn, Now: c.now}
	case core.Perform:
		o.answer = core.Answered{Conn: fx.Conn, Now: c.now, Answer: c.perform(fx.Effect)}
	case core.Subscribe:
		c.links = append(c.links, &link[C, R]{n: o.n, r: o.r})
		o.answer = core.Subscribed{}
	case core.Unsubscribe:
		c.links = slices.DeleteFunc(c.links, func(l *link[C, R]) bool { return l.r == o.r })
		o.answer = core.Unsubscribed{}
	case core.Wait:
		o.answer = core.Waited{}
	case core.Load:
		o.answer = core.Loaded{Record: record(c.store[key].Record(false))}
	case core.Commit:
		o.answer = c.commit(o.n.writer(o.r), key, fx)
	}
}

func (c *cluster[C, R]) commit(writer, key string, fx core.Commit) core.Event {
	bc := broker.Commit{
		ID:       broker.CommitID{Writer: writer, N: fx.N},
		Value:    broker.Change{Op: broker.Op(fx.Op), Value: fx.Value},
		Messages: fx.Messages,
	}
	if !fx.Any {
		bc.Expect = (*broker.Version)(&fx.Expect)
	}
	for _, m := range fx.Members {
		bc.Members = append(bc.Members, broker.MemberChange{Op: broker.MemberOp(m.Op), ID: string(m.Conn), Data: m.Data})
	}
	before := c.store[key].Record(false).At
	after, receipt, err := broker.Apply(c.store[key], bc)
	var conflict *broker.Conflict
	switch {
	case errors.As(err, &conflict):
		var gone []core.ConnID
		for _, id := range conflict.Gone {
			gone = append(gone, core.ConnID(id))
		}
		return core.Conflicted{N: fx.N, Record: record(conflict.Record), Gone: gone}
	case err != nil:
		return core.Refused{N: fx.N, Reason: err.Error()}
	}
	c.store[key] = after
	if receipt.At.Seq > before.Seq || receipt.At.Epoch != before.Epoch {
		first := receipt.At.Seq - uint64(len(bc.Messages)) + 1
		for i, body := range bc.Messages {
			at := core.Position{Epoch: receipt.At.Epoch, Seq: first + uint64(i)}
			for _, l := range c.links {
				if l.r.Key() == key {
					l.queue = append(l.queue, core.Delivered{Now: c.now, At: at, Version: string(receipt.Version), Body: body})
				}
			}
		}
	}
	return core.Committed{N: fx.N, Version: string(receipt.Version), At: core.Position(receipt.At)}
}

// answer gives the answer of what has taken place to the machine that asked.
func (c *cluster[C, R]) answer(o *op[C, R], ev core.Event) {
	c.ops = slices.DeleteFunc(c.ops, func(p *op[C, R]) bool { return p == o })
	switch fx := o.fx.(type) {
	case core.Close:
		c.leave(fx.Conn)
	case core.Perform:
		if r := o.n.home[fx.Conn]; r != nil {
			c.happen(o.n, r, ev)
		}
	default:
		c.happen(o.n, o.r, ev)
	}
}

// hear delivers the oldest message of a subscription.
func (c *cluster[C, R]) hear(l *link[C, R]) {
	ev := l.queue[0]
	l.queue = l.queue[1:]
	c.happen(l.n, l.r, ev)
}

// settle has everything happen that waits, oldest first, until nothing does. A Wait
// is longer than all else takes.
func (c *cluster[C, R]) settle() {
	for c.settleOp(false) || c.settleLink() || c.settleOp(true) {
	}
}

func (c *cluster[C, R]) settleOp(waits bool) bool {
	i := slices.IndexFunc(c.ops, func(o *op[C, R]) bool {
		_, wait := o.fx.(core.Wait)
		return !o.n.isCut() && wait == waits
	})
	if i < 0 {
		return false
	}
	o := c.ops[i]
	if !o.done {
		c.do(o)
	}
	c.answer(o, o.answer)
	return true
}

func (c *cluster[C, R]) settleLink() bool {
	i := slices.IndexFunc(c.links, func(l *link[C, R]) bool { return len(l.queue) > 0 && !l.n.isCut() })
	if i >= 0 {
		c.hear(c.links[i])
	}
	return i >= 0
}

func record(r broker.Record) core.Record {
	return core.Record{Value: r.Value, Version: string(r.Version), At: core.Position(r.At)}
}

// stored prints a room as the store has it.
func (c *cluster[C, R]) stored(key string) string {
	rec := c.store[key].Record(true)
	var members []string
	for _, m := range rec.Members {
		s, err := core.DecodeMember(m.Data)
		if err != nil {
			members = append(members, err.Error())
			continue
		}
		members = append(members, fmt.Sprintf("%s of %s as %q with %s", m.ID, s.Instance, s.Identity, s.Data))
	}
	if len(members) == 0 {
		members = []string{"nobody"}
	}
	return fmt.Sprintf("%v; %s", record(rec), strings.Join(members, "; "))
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
