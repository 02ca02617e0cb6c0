package esttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
)

// Cluster is a few simulated instances on one store, for tests that tell a story:
// nothing is random, nothing runs beside anything, no time passes by itself.
// What a call leads to has happened when it returns, all but what is held. The
// checks of [Checks] are on: what they find fails the test, at the end also what
// is left behind when all clients leave.
//
// A Cluster is for one goroutine.
type Cluster[C, R any] struct {
	t     testing.TB
	s     *sim[C, R]
	holds []*Held
	list  []step // what the test has done
	model Model[C, R]
}

// New makes a cluster of o.Instances instances. Of o also Disable counts, and
// nothing else. It fails t if in or o is invalid.
func New[C, R any](t testing.TB, in core.Integration[C, R], o *Options) *Cluster[C, R] {
	t.Helper()
	c := &Cluster[C, R]{t: t}
	opt := o.withDefaults()
	check := Model[C, R]{Client: noClient}
	if err := validate(in, &check, o); err != nil {
		t.Fatal(err)
	}
	p := newProbe(in, opt.Disable)
	p.deep = true
	c.s = newSim(p, &c.model, opt.Instances, 0, allFaults, newStats(&c.model))
	c.s.tracing = true
	t.Cleanup(c.end)
	return c
}

// end looks at what is left, if nothing has failed so far.
func (c *Cluster[C, R]) end() {
	c.t.Helper()
	if c.t.Failed() || c.t.Skipped() {
		return
	}
	for _, h := range c.holds {
		h.over = true
	}
	c.s.finish()
	c.report()
}

// PerformWith sets a fake for side effects, as in [Model]. Without one they
// answer nil.
func (c *Cluster[C, R]) PerformWith(fn func(done []any, effect any) (result any, err error)) {
	c.model.Perform = fn
}

// Connect connects a client to an instance. They are counted from 0, and the one
// after the last is the first again, so that clients can be spread by their number.
func (c *Cluster[C, R]) Connect(instance int) *Client {
	c.t.Helper()
	return c.ConnectWith(instance, core.Handshake{})
}

// ConnectWith is Connect with what a transport would know of the connection.
func (c *Cluster[C, R]) ConnectWith(instance int, h core.Handshake) *Client {
	c.t.Helper()
	n := c.node(instance)
	if !n.up {
		c.t.Fatalf("esttest: connect: instance %d has crashed: Restart it first", instance)
	}
	a := &actor[C, R]{number: len(c.s.clients) + 1}
	c.s.clients = append(c.s.clients, a)
	c.model.Handshake = func(ClientView) core.Handshake { return h }
	c.do(choice{do: connect, inst: int32(n.number), at: int32(a.number - 1)})
	return &Client{t: c.t, stage: c, name: a.conn.name, id: a.conn.id}
}

func (c *Cluster[C, R]) node(instance int) *node[C, R] {
	c.t.Helper()
	if instance < 0 {
		c.t.Fatalf("esttest: instance %d: instances are counted from 0", instance)
	}
	return c.s.nodes[instance%len(c.s.nodes)]
}

// Publish publishes to a room from outside any connection.
func (c *Cluster[C, R]) Publish(room string, p ...core.Publication) {
	c.t.Helper()
	c.outside(OutsidePublish(room, p...))
}

// Update changes a room's state from outside any connection. fn is pure.
func (c *Cluster[C, R]) Update(room string, fn func(R) (core.Change[R], []core.Publication)) {
	c.t.Helper()
	c.outside(OutsideUpdate(room, fn))
}

func (c *Cluster[C, R]) outside(o Outside) {
	c.t.Helper()
	fx, err := c.s.decideOutside(o)
	if err != nil {
		c.t.Fatalf("esttest: from outside, to %q: %v", o.room, err)
	}
	c.list = append(c.list, step{do: outside})
	c.s.tellf(lane{}, theStore, false, "from outside, to %q: %s", o.room, c.s.committing(fx, nil))
	c.s.outsideCommit(o.room, fx)
	c.Settle()
	c.s.steps++
}

// Members are the connections that the store has as members of a room, sorted.
func (c *Cluster[C, R]) Members(room string) []core.ConnID {
	var ids []core.ConnID
	for _, m := range c.s.record(room).state.Record(true).Members {
		ids = append(ids, core.ConnID(m.ID))
	}
	slices.Sort(ids)
	return ids
}

// Room is the state of a room in the store, and whether there is one.
func (c *Cluster[C, R]) Room(key string) (state R, ok bool) {
	c.t.Helper()
	value := valueOf(c.s.record(key).state)
	if value == nil {
		return state, false
	}
	if err := json.Unmarshal(value, &state); err != nil {
		c.t.Fatalf("esttest: the state of %q can't be read back: %v", key, err)
	}
	return state, true
}

// Performed is the side effects that were performed so far, in order.
func (c *Cluster[C, R]) Performed() []any { return slices.Clone(c.s.effects) }

// Settle has everything happen that waits, until nothing is left or all that is
// left is held.
func (c *Cluster[C, R]) Settle() {
	c.t.Helper()
	c.s.settle(c.held)
	c.report()
}

// Wait lets time pass. A client that has not said hello within ten seconds is
// closed.
func (c *Cluster[C, R]) Wait(d time.Duration) {
	c.t.Helper()
	c.list = append(c.list, step{do: wait})
	c.s.now = c.s.now.Add(d)
	c.s.tellf(lane{}, lane{}, false, "%v pass", d)
	for _, cn := range c.s.conns {
		if cn.open && cn.sent == 0 && !c.s.p.user.AuthenticateOnConnect && c.s.now.Sub(cn.opened) >= 10*time.Second {
			c.s.run(cn.can(expire))
		}
	}
	c.Settle()
	c.s.steps++
}

// Crash ends an instance between two steps, with its connections.
func (c *Cluster[C, R]) Crash(instance int) {
	c.t.Helper()
	n := c.node(instance)
	if !n.up {
		c.t.Fatalf("esttest: crash: instance %d has crashed already", instance)
	}
	c.do(n.can(crash))
}

// Restart starts an instance again that has crashed.
func (c *Cluster[C, R]) Restart(instance int) {
	c.t.Helper()
	n := c.node(instance)
	if n.up {
		c.t.Fatalf("esttest: restart: instance %d is running: Crash it first", instance)
	}
	c.do(n.can(restart))
}

func (c *Cluster[C, R]) do(ch choice) {
	c.t.Helper()
	c.list = append(c.list, c.s.named(ch))
	c.s.run(ch)
	c.Settle()
	c.s.steps++
}

// report fails the test with what a check has found.
func (c *Cluster[C, R]) report() {
	c.t.Helper()
	if f := c.s.failed; f != nil {
		c.s.failed = nil
		c.t.Fatalf("%s", c.drama(*f))
	}
}

func noClient(ClientView) *rapid.Generator[any] { return nil }

// What a Client asks of its cluster.

func (c *Cluster[C, R]) conn(n connName) *conn[C, R] { return c.s.clients[n.client-1].conn }

func (c *Cluster[C, R]) sendText(n connName, text string) {
	c.t.Helper()
	cn := c.conn(n)
	if !cn.open {
		c.t.Fatalf("esttest: %v sends %s, and its connection is closed%s", n, text, c.soFar())
	}
	ch := cn.can(send)
	ch.text = text
	c.do(ch)
}

func (c *Cluster[C, R]) endConn(n connName, how verb) {
	c.t.Helper()
	cn := c.conn(n)
	if !cn.open {
		return
	}
	c.do(cn.can(how))
}

func (c *Cluster[C, R]) seenBy(n connName) (seen []core.Message, open bool, code core.CloseCode) {
	cn := c.conn(n)
	return cn.seen, cn.open, cn.code
}

func (c *Cluster[C, R]) rename(text string) string { return c.s.names(text) }

// soFar is the history, for a message.
func (c *Cluster[C, R]) soFar() string {
	return "\n" + fmt.Sprint(c.drama(violation{}))
}

// drama is the history of a scripted cluster, as a drawing.
func (c *Cluster[C, R]) drama(v violation) string {
	return story{failed: v, explanation: whatOf(v.check), steps: c.list, scenes: c.s.scenes, failedAt: c.s.steps, names: c.s.names}.String()
}
