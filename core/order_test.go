package core_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/spinneyio/est/core"
)

// The property: whatever the order in which things happen, and whatever answers
// and messages are lost, on several instances:
//
//   - no update is lost or applied twice, and what was acknowledged is there;
//   - a side effect is performed once, if and only if its commit took place;
//   - a member gets, in the order of the log, every message committed after its
//     join (or Resync) but its own, and none of a room that it has left;
//   - nothing is sent after a close (the cluster sees to that);
//   - when all have gone, nothing is left: no member, no machine, no subscription.

type ledgerData struct{ User, Room string }

type ledger struct {
	Log  []string
	Here []string
}

type entry struct {
	Joined, Resync, Ack, Op, Go, Room string
	At                                int
	Stale                             bool `json:",omitempty"`
}

func ledgerIntegration(deliver, resync bool) *core.Integration[ledgerData, ledger] {
	type outcome = core.Outcome[ledgerData, ledger]
	in := &core.Integration[ledgerData, ledger]{
		Name: "ledger",
		Authenticate: func(_ core.Conn, hello core.Message) (d ledgerData, f *core.Failure) {
			if hello.Decode(&d) != nil {
				return d, &core.Failure{}
			}
			return d, nil
		},
		Identity: func(_ core.Conn, d ledgerData) string { return d.User },
		Room:     func(_ core.Conn, d ledgerData) string { return d.Room },
		Join: func(c core.Conn, d ledgerData, l ledger) outcome {
			l.Here = append(l.Here, string(c.ID))
			return outcome{Room: core.Put(l), Reply: entry{Joined: d.Room, At: len(l.Log)}}
		},
		Receive: func(c core.Conn, d ledgerData, l ledger, m core.Message) (o outcome) {
			var e entry
			if m.Decode(&e) != nil {
				panic("what is this?")
			}
			if e.Go != "" {
				d.Room = e.Go
				return outcome{Data: core.Put(d)}
			}
			l.Log = append(l.Log, e.Op)
			return outcome{Room: core.Put(l), Reply: entry{Ack: e.Op}, Perform: []any{e.Op},
				Publish: []core.Publication{core.ToAll(entry{Op: e.Op, Room: d.Room})}}
		},
		Leave: func(c core.Conn, d ledgerData, l ledger) outcome {
			i := slices.Index(l.Here, string(c.ID))
			if i < 0 {
				panic("left twice, or never came")
			}
			l.Here = slices.Delete(l.Here, i, i+1)
			return outcome{Room: core.Put(l)}
		},
	}
	if deliver {
		in.Deliver = func(_ core.Conn, _ ledgerData, l ledger, d core.Delivery) outcome {
			var e entry
			if d.Body.Decode(&e) != nil {
				panic("what is this?")
			}
			e.Stale = !slices.Contains(l.Log, e.Op)
			return outcome{Reply: e}
		}
	}
	if resync {
		in.Resync = func(_ core.Conn, d ledgerData, l ledger) outcome {
			return outcome{Reply: entry{Resync: d.Room, At: len(l.Log)}}
		}
	}
	return in
}

// storm is one random run.
type storm struct {
	*cluster[ledgerData, ledger]
	*rand.Rand
	t         *testing.T
	ids       []core.ConnID
	sent      int
	performed map[string]int
	late      []late // commits that were given up on and are still on their way
	faults    bool
	crashes   bool // then committed side effects may be lost
	lines     []string
}

type late struct {
	writer, key string
	fx          core.Commit
}

var storms = flag.Int("storms", 400, "how many random orders TestStorm tries")

func TestStorm(t *testing.T) {
	for seed := range *storms {
		s := &storm{Rand: rand.New(rand.NewPCG(uint64(seed), 1)), t: t, performed: map[string]int{}}
		s.cluster = newCluster(ledgerIntegration(seed%2 == 0, seed%3 != 0), 1+seed%3)
		s.opt = &core.RoomOptions{Batch: 1 + s.IntN(6), Hold: 2 + s.IntN(20), Wait: seed%5 > 1}
		s.faults = seed%4 != 0
		s.print = func(line string) { s.lines = append(s.lines, line) }
		s.cluster.perform = func(effect any) core.Performed {
			s.performed[effect.(string)]++
			return core.Performed{Effect: effect}
		}
		if seed%50 == 0 {
			s.cluster.check = func(r *core.Room[ledgerData, ledger], fx []core.Effect, events []core.Event) {
				checkPure(t, r, fx, events)
			}
		}
		s.run()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(s.lines, "\n"))
		}
	}
}

func (s *storm) run() {
	defer func() {
		if p := recover(); p != nil {
			s.t.Errorf("panic: %v", p)
		}
	}()
	for range 150 {
		s.step()
	}
	s.late = nil
	s.faults = false
	s.settle()
	s.verify(true)
	for _, id := range s.ids {
		s.leave(id)
	}
	s.settle()
	s.verify(false)
	s.verifyEmpty()
}

// step has one thing happen: a client acts, the store acts or answers, a message
// arrives, something breaks.
func (s *storm) step() {
	switch n := s.IntN(20); {
	case n < 2 && len(s.ids) < 6:
		id := core.ConnID(fmt.Sprintf("c%d", len(s.ids)))
		s.ids = append(s.ids, id)
		s.open(s.IntN(len(s.nodes)), id, core.Handshake{})
		s.send(id, mustJSON(ledgerData{User: "u", Room: s.aRoom()}))
	case n < 6 && len(s.ids) > 0:
		id := s.ids[s.IntN(len(s.ids))]
		s.sent++
		if s.IntN(8) == 0 {
			s.lines = append(s.lines, fmt.Sprintf("%s goes elsewhere", id))
			s.send(id, mustJSON(entry{Go: s.aRoom()}))
			return
		}
		s.lines = append(s.lines, fmt.Sprintf("%s sends %d", id, s.sent))
		s.send(id, mustJSON(entry{Op: fmt.Sprintf("%s/%d", id, s.sent)}))
	case n < 7 && len(s.ids) > 0:
		id := s.ids[s.IntN(len(s.ids))]
		s.lines = append(s.lines, fmt.Sprintf("%s leaves", id))
		s.leave(id)
	case n < 15 && len(s.ops) > 0:
		s.oneOp(s.ops[s.IntN(len(s.ops))])
	case n < 19:
		if l := s.aLink(); l != nil {
			s.lines = append(s.lines, fmt.Sprintf("%s hears %v", l.n.name, l.queue[0]))
			s.hear(l)
		}
	default:
		if s.faults {
			s.fault()
		}
	}
}

func (s *storm) aRoom() string { return []string{"r", "q"}[s.IntN(2)] }

func (s *storm) aLink() *link[ledgerData, ledger] {
	var full []*link[ledgerData, ledger]
	for _, l := range s.links {
		if len(l.queue) > 0 {
			full = append(full, l)
		}
	}
	if len(full) == 0 {
		return nil
	}
	return full[s.IntN(len(full))]
}

func (s *storm) oneOp(o *op[ledgerData, ledger]) {
	if !o.done {
		s.do(o)
		s.lines = append(s.lines, fmt.Sprintf("%s: %v → %v", o.n.name, o.fx, o.answer))
		return
	}
	fx, ok := o.fx.(core.Commit)
	if ok && s.faults && s.IntN(6) == 0 {
		s.lines = append(s.lines, fmt.Sprintf("%s: answer of #%d is lost", o.n.name, fx.N))
		s.answer(o, core.Unanswered{N: fx.N})
		return
	}
	if ok && s.faults && s.IntN(12) == 0 {
		s.giveUp(o)
		return
	}
	s.answer(o, o.answer)
}

// giveUp ends the patience of an instance with a room. A commit that has not
// taken place may still.
func (s *storm) giveUp(o *op[ledgerData, ledger]) {
	s.lines = append(s.lines, fmt.Sprintf("%s gives up %s", o.n.name, o.r.Key()))
	s.ops = slices.DeleteFunc(s.ops, func(p *op[ledgerData, ledger]) bool {
		switch fx := p.fx.(type) {
		case core.Commit:
			if p.r == o.r && !p.done {
				s.late = append(s.late, late{o.n.writer(o.r), o.r.Key(), fx})
			}
			return p.r == o.r
		case core.Load:
			return p.r == o.r
		case core.Subscribe:
			if p.r == o.r && p.done {
				s.links = slices.DeleteFunc(s.links, func(l *link[ledgerData, ledger]) bool { return l.r == o.r })
			}
			return p.r == o.r
		}
		return false
	})
	s.happen(o.n, o.r, core.GaveUp{})
}

func (s *storm) fault() {
	switch s.IntN(5) {
	case 4: // a message arrives twice
		if l := s.aLink(); l != nil {
			l.queue = append([]core.Delivered{l.queue[0]}, l.queue...)
		}
	case 0: // a subscription loses what is on its way
		if l := s.aLink(); l != nil {
			l.queue = l.queue[:s.IntN(len(l.queue))]
			s.lines = append(s.lines, fmt.Sprintf("%s loses messages", l.n.name))
			s.happen(l.n, l.r, core.Doubted{})
		}
	case 1: // a late packet arrives
		if len(s.late) > 0 {
			l := s.late[0]
			s.late = s.late[1:]
			s.lines = append(s.lines, fmt.Sprintf("late: %v → %v", l.fx, s.commit(l.writer, l.key, l.fx)))
		}
	case 2: // somebody else touches the state
		key := s.aRoom()
		rec := s.store[key].Record(false)
		if rec.Value != nil {
			s.sent++
			s.commit(fmt.Sprintf("x%d", s.sent), key, core.Commit{N: 1, Any: true, Op: core.OpPut, Value: rec.Value})
		}
	case 3: // or publishes
		s.sent++
		key := s.aRoom()
		m, err := core.EncodePublication("", core.ToAll(entry{Room: key}))
		if err != nil {
			panic(err)
		}
		s.commit(fmt.Sprintf("x%d", s.sent), key, core.Commit{N: 1, Any: true, Messages: [][]byte{m}})
	}
}

func (s *storm) ledger(key string) (l ledger) {
	if v := s.store[key].Record(false).Value; v != nil {
		if err := core.Message(v).Decode(&l); err != nil {
			s.t.Error(err)
		}
	}
	return l
}

// verify checks what everybody saw against the logs. settled: nothing is under
// way, so nobody may still wait for a message.
func (s *storm) verify(settled bool) {
	logs := map[string][]string{"r": s.ledger("r").Log, "q": s.ledger("q").Log}
	count := map[string]int{}
	for _, log := range logs {
		for _, op := range log {
			if count[op]++; count[op] > 1 {
				s.t.Errorf("%s was applied twice", op)
			}
		}
	}
	for op, n := range s.performed {
		if n > 1 || count[op] == 0 {
			s.t.Errorf("the side effect of %s was performed %d times, and it is %d times in the log", op, n, count[op])
		}
	}
	for op := range count {
		if s.performed[op] == 0 && !s.crashes {
			s.t.Errorf("the side effect of %s was not performed", op)
		}
	}
	for _, id := range s.ids {
		s.verifyClient(id, logs, count, settled)
	}
}

func (s *storm) verifyClient(id core.ConnID, logs map[string][]string, count map[string]int, settled bool) {
	cl := s.clients[id]
	room, pos := "", 0
	own := func(op string) bool { return strings.HasPrefix(op, string(id)+"/") }
	for _, m := range cl.got {
		var e entry
		if m.Decode(&e) != nil || strings.Contains(string(m), "success") {
			continue
		}
		switch {
		case e.Joined != "":
			room, pos = e.Joined, e.At
		case e.Resync != "":
			if e.Resync != room || e.At < pos {
				s.t.Errorf("%s was in %s at %d, and is resynced to %s at %d", id, room, pos, e.Resync, e.At)
			}
			pos = e.At
		case e.Ack != "":
			if count[e.Ack] != 1 {
				s.t.Errorf("%s was acknowledged, and is %d times in the log", e.Ack, count[e.Ack])
			}
		case e.Op != "":
			i := slices.Index(logs[e.Room], e.Op)
			if e.Room != room || i < pos || own(e.Op) || e.Stale {
				s.t.Errorf("%s was in %s at %d, and got %+v (at %d)", id, room, pos, e, i)
				return
			}
			for _, op := range logs[room][pos:i] {
				if !own(op) {
					s.t.Errorf("%s got %s and never got %s", id, e.Op, op)
				}
			}
			pos = i + 1
		}
	}
	if settled && cl.closed == 0 && !cl.over && room != "" {
		for _, op := range logs[room][pos:] {
			if !own(op) {
				s.t.Errorf("%s, still in %s, never got %s", id, room, op)
			}
		}
	}
}

func (s *storm) verifyEmpty() {
	for _, key := range []string{"r", "q"} {
		if rec := s.store[key].Record(true); len(rec.Members) > 0 {
			s.t.Errorf("%s still has %s", key, s.stored(key))
		}
		if here := s.ledger(key).Here; len(here) > 0 {
			s.t.Errorf("%s still has %v in its state", key, here)
		}
	}
	for _, n := range s.nodes {
		if len(n.rooms) > 0 || !n.lobby.Idle() || len(n.home) > 0 {
			s.t.Errorf("instance %s still has %d rooms, %d connections", n.name, len(n.rooms), len(n.home))
		}
	}
	if len(s.links) > 0 {
		s.t.Errorf("%d subscriptions are left", len(s.links))
	}
	for _, id := range s.ids {
		if !s.clients[id].gone {
			s.t.Errorf("%s is not gone", id)
		}
	}
}
