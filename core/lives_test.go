package core_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// The part of the cluster that runs Lifes: what their driver does.

// existence is the Life of an instance, and what is under way for it.
type existence[C, R any] struct {
	life    *core.Life
	down    bool // crashed
	cut     bool // it can't reach the store; what it asks for hangs
	writers map[*core.Room[C, R]]string
	orphans map[*core.Room[C, R]]map[core.ConnID]*lifeOp[C, R]
	starts  int
	over    bool // End
	expels  int
}

// lifeOp is an effect of a Life that waits for its answer.
type lifeOp[C, R any] struct {
	n      *node[C, R]
	life   *core.Life
	fx     core.LifeEffect
	done   bool
	answer core.LifeEvent
	left   int            // orphans, of a Reap
	reaped core.LifeEvent // its answer, once there are none
}

const interval = 2 * time.Second

var lifeOptions = &core.LifeOptions{Interval: interval, Lease: 3, LastLook: 12}

// exist starts the Life of every instance.
func (c *cluster[C, R]) exist() {
	for _, n := range c.nodes {
		n.existence = &existence[C, R]{starts: 1}
		c.begin(n, "")
	}
}

func (n *node[C, R]) isCut() bool { return n.existence != nil && n.cut }

// begin starts a Life, under the name that the node has.
func (c *cluster[C, R]) begin(n *node[C, R], previous string) {
	n.life = core.NewLife(n.name, previous, lifeOptions)
	if n.writers == nil {
		n.writers = map[*core.Room[C, R]]string{}
		n.orphans = map[*core.Room[C, R]]map[core.ConnID]*lifeOp[C, R]{}
	}
	n.rooms, n.after, n.over = map[string]*core.Room[C, R]{}, 0, false
	c.live(n, core.Ticked{Now: c.now})
}

// live steps the Life of a node and carries out what it asks for.
func (c *cluster[C, R]) live(n *node[C, R], events ...core.LifeEvent) {
	life := n.life
	var twin *core.Life
	if c.check != nil {
		twin = life.Clone()
	}
	effects := life.Step(nil, events...)
	if twin != nil {
		checkTwin(twin, life, events, effects)
	}
	for _, fx := range effects {
		c.printf("  %s: %v", n.name, fx)
		switch fx := fx.(type) {
		case core.Admit:
			if r := n.rooms[fx.Room]; r != nil {
				c.ops = append(c.ops, &op[C, R]{n: n, r: r, fx: core.List{}, done: true, answer: core.Listed{}})
			}
		case core.Expel:
			c.expel(n)
		case core.End:
			n.over = true
		case core.Report:
		default:
			c.lives = append(c.lives, &lifeOp[C, R]{n: n, life: life, fx: fx})
		}
	}
}

// checkTwin wants a copy to do what the original did, and to be like it then.
func checkTwin(twin, life *core.Life, events []core.LifeEvent, effects []core.LifeEffect) {
	if twin.Fingerprint() == life.Fingerprint() && len(effects) > 0 {
		panic(fmt.Sprintf("%v led to %v, and changed nothing", events, effects))
	}
	if got := fmt.Sprint(twin.Clone().Step(nil, events...)); got != fmt.Sprint(effects) {
		panic(fmt.Sprintf("%v led to %v, and a copy to %v", events, effects, got))
	}
	if twin.Step(nil, events...); twin.Fingerprint() != life.Fingerprint() {
		panic(fmt.Sprintf("after %v a copy is not like the original", events))
	}
}

func (c *cluster[C, R]) list(n *node[C, R], r *core.Room[C, R]) {
	if n.existence == nil {
		c.ops = append(c.ops, &op[C, R]{n: n, r: r, fx: core.List{}, done: true, answer: core.Listed{}})
	} else if n.rooms[r.Key()] == r {
		c.live(n, core.Wanted{Room: r.Key()})
	}
}

func (c *cluster[C, R]) unlist(n *node[C, R], r *core.Room[C, R]) {
	if n.existence != nil {
		c.live(n, core.Unwanted{Room: r.Key()})
	}
}

// expel has the node start again under a new name; its machines go on until idle.
func (c *cluster[C, R]) expel(n *node[C, R]) {
	old, retired := n.name, n.rooms
	n.starts++
	n.expels++
	n.name = fmt.Sprintf("%c.%d", n.name[0], n.starts)
	c.begin(n, old)
	for _, key := range []string{"q", "r"} {
		if r := retired[key]; r != nil {
			c.happen(n, r, core.Expelled{})
		}
	}
}

// crash ends a node without a word. What it has sent and nobody has taken in is lost.
func (c *cluster[C, R]) crash(n *node[C, R]) {
	n.down = true
	c.ops = slices.DeleteFunc(c.ops, func(o *op[C, R]) bool { return o.n == n })
	c.lives = slices.DeleteFunc(c.lives, func(o *lifeOp[C, R]) bool { return o.n == n })
	c.links = slices.DeleteFunc(c.links, func(l *link[C, R]) bool { return l.n == n })
	for id := range n.home {
		c.clients[id].over, c.clients[id].gone, c.clients[id].crashed = true, true, true
	}
	clear(n.home)
	n.rooms = map[string]*core.Room[C, R]{}
}

func (c *cluster[C, R]) restart(n *node[C, R]) {
	n.starts++
	n.name = fmt.Sprintf("%c.%d", n.name[0], n.starts)
	n.existence = &existence[C, R]{starts: n.starts}
	n.lobby = c.machines.New("", n.name, 0, nil)
	c.begin(n, "")
}

// doLife has what a Life asked for take place; the answer is on its way.
func (c *cluster[C, R]) doLife(o *lifeOp[C, R]) {
	if o.done {
		return
	}
	o.done = true
	switch fx := o.fx.(type) {
	case core.LoadRecord:
		loaded := core.RecordLoaded{Record: fx.Record}
		for _, m := range c.store["est:"+fx.Record].Record(true).Members {
			loaded.Members = append(loaded.Members, core.RecordMember{ID: m.ID, Data: m.Data})
		}
		o.answer = loaded
	case core.CommitRecord:
		o.answer = c.commitRecord(o.life.Writer(), fx)
	case core.Reap:
		c.reap(o, fx)
	}
}

func (c *cluster[C, R]) commitRecord(writer string, fx core.CommitRecord) core.LifeEvent {
	bc := broker.Commit{ID: broker.CommitID{Writer: writer, N: fx.N}}
	for _, ch := range fx.Changes {
		bc.Members = append(bc.Members, broker.MemberChange{Op: broker.MemberOp(ch.Op), ID: ch.ID, Data: ch.Data})
	}
	after, _, err := broker.Apply(c.store["est:"+fx.Record], bc)
	var conflict *broker.Conflict
	switch {
	case errors.As(err, &conflict):
		return core.RecordConflicted{Record: fx.Record, N: fx.N, Gone: conflict.Gone}
	case err != nil:
		return core.RecordRefused{Record: fx.Record, N: fx.N, Reason: err.Error()}
	}
	c.store["est:"+fx.Record] = after
	return core.RecordCommitted{Record: fx.Record, N: fx.N}
}

// reap gives the room's machine its orphans. When they are gone there is an answer.
func (c *cluster[C, R]) reap(o *lifeOp[C, R], fx core.Reap) {
	var orphans []core.Event
	o.reaped = core.Reaped(fx)
	for _, m := range c.store[fx.Room].Record(true).Members {
		s, err := core.DecodeMember(m.Data)
		switch {
		case err != nil && s.Instance == fx.Instance:
			o.reaped = core.Unreaped(fx)
		case s.Instance == fx.Instance:
			orphans = append(orphans, core.Orphaned{Conn: core.ConnID(m.ID), Now: c.now, Data: s.Data, Identity: s.Identity})
		}
	}
	if len(orphans) == 0 {
		o.answer = o.reaped
		return
	}
	r := c.room(o.n, fx.Room)
	if o.n.orphans[r] == nil {
		o.n.orphans[r] = map[core.ConnID]*lifeOp[C, R]{}
	}
	for _, ev := range orphans {
		o.n.orphans[r][ev.(core.Orphaned).Conn] = o
		o.left++
		c.reaped++
	}
	c.happen(o.n, r, orphans...)
}

// orphanGone says whether the connection was an orphan.
func (c *cluster[C, R]) orphanGone(n *node[C, R], r *core.Room[C, R], id core.ConnID) bool {
	o := n.orphans[r][id]
	if o == nil {
		return false
	}
	delete(n.orphans[r], id)
	if o.left--; o.left == 0 {
		o.answer = o.reaped
	}
	return true
}

// answerLife gives an answer to the Life that asked, unless it is over.
func (c *cluster[C, R]) answerLife(o *lifeOp[C, R], ev core.LifeEvent) {
	c.lives = slices.DeleteFunc(c.lives, func(p *lifeOp[C, R]) bool { return p == o })
	if o.n.life == o.life {
		c.live(o.n, ev)
	}
}

// failLife is the answer where the store can't be reached.
func failLife(fx core.LifeEffect) core.LifeEvent {
	switch fx := fx.(type) {
	case core.LoadRecord:
		return core.RecordUnread(fx)
	case core.CommitRecord:
		return core.RecordUnanswered{Record: fx.Record, N: fx.N}
	}
	return nil
}

// settleAll has everything happen that waits, in Lifes too.
func (c *cluster[C, R]) settleAll() {
	for {
		c.settle()
		i := slices.IndexFunc(c.lives, func(o *lifeOp[C, R]) bool { return !o.n.cut && (!o.done || o.answer != nil) })
		if i < 0 {
			return
		}
		o := c.lives[i]
		c.doLife(o)
		if o.answer != nil {
			c.answerLife(o, o.answer)
		}
	}
}

// rounds has so many rounds happen, in full, on all instances that are up.
func (c *cluster[C, R]) rounds(n int) {
	for range n {
		c.now = c.now.Add(interval)
		for _, n := range c.nodes {
			if !n.down && !n.over {
				c.live(n, core.Ticked{Now: c.now})
			}
		}
		c.settleAll()
	}
}

// records are est's own that are in the store, with their members.
func (c *cluster[C, R]) records() (list []string) {
	for key, s := range c.store {
		if rec := s.Record(true); len(key) > 4 && key[:4] == "est:" && len(rec.Members) > 0 {
			line := key[4:] + ":"
			for _, m := range rec.Members {
				if !strings.HasPrefix(m.ID, "last/") {
					line += " " + m.ID
				}
			}
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}
