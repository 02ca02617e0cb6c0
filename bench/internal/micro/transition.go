package micro

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spinneyio/est/bench/internal/wire"
	"github.com/spinneyio/est/core"
)

// machine is a room's machine with one member, and whoever answers it as a store
// would that has nobody else.
type machine[R any] struct {
	room *core.Room[struct{}, R]
	fx   []core.Effect
	at   core.Position
	now  time.Time
	sent int // replies
}

func newMachine[R any](receive func(core.Conn, struct{}, R, core.Message) core.Outcome[struct{}, R]) *machine[R] {
	nothing := func(core.Conn, struct{}, R) core.Outcome[struct{}, R] { return core.Outcome[struct{}, R]{} }
	in := &core.Integration[struct{}, R]{
		Name:                  "micro",
		AuthenticateOnConnect: true,
		Authenticate:          func(core.Conn, core.Message) (none struct{}, _ *core.Failure) { return none, nil },
		Identity:              func(core.Conn, struct{}) string { return "" },
		Room:                  func(core.Conn, struct{}) string { return "r" },
		Join:                  nothing, Receive: receive, Leave: nothing,
	}
	m := &machine[R]{room: core.RoomsOf(in).New("r", "w", 0, nil), at: core.Position{Epoch: "e"}, now: time.Now()}
	m.step(core.Entered{Conn: "c", Now: m.now, Data: []byte("{}"), Events: 1})
	return m
}

// step gives the machine an event, and all answers to what it then asks for.
func (m *machine[R]) step(ev core.Event) {
	events := [1]core.Event{ev}
	m.fx = m.room.Step(m.fx[:0], events[:]...)
	for i := 0; i < len(m.fx); i++ {
		switch fx := m.fx[i].(type) {
		case core.Subscribe:
			m.fx = m.room.Step(m.fx, core.Subscribed{})
		case core.Load:
			m.fx = m.room.Step(m.fx, core.Loaded{Record: core.Record{At: m.at}})
		case core.Commit:
			m.at.Seq += uint64(len(fx.Messages))
			m.fx = m.room.Step(m.fx, core.Committed{N: fx.N, Version: "v", At: m.at})
		case core.Send:
			m.sent++
		}
	}
}

// receive gives it a message n times.
func (m *machine[R]) receive(message []byte, n int) {
	before := m.sent
	for range n {
		m.step(core.Received{Conn: "c", Now: m.now, Message: message})
	}
	if m.sent-before != n {
		panic(fmt.Sprintf("micro: %d replies to %d messages", m.sent-before, n))
	}
}

// Bare is a transition in a room: a reply as it came, a commit that requires the
// member. There is nothing to decode or to encode.
func Bare() func(n int) {
	m := newMachine(func(_ core.Conn, _, _ struct{}, msg core.Message) core.Outcome[struct{}, struct{}] {
		return core.Outcome[struct{}, struct{}]{Reply: msg}
	})
	return func(n int) { m.receive([]byte("1"), n) }
}

// Counters is a room state of about 1 KB with maps, as applications have it.
type Counters struct {
	Count map[string]int `json:"count"`
}

// Table is a room state of about 1 KB in which a plain copy shares nothing.
type Table struct {
	Count [64]int   `json:"count"`
	Name  [32]label `json:"name"`
}

type label struct {
	Text string `json:"text"`
}

// NewCounters is a state of about 1 KB.
func NewCounters() Counters {
	c := Counters{Count: map[string]int{}}
	for i := range 64 {
		c.Count[fmt.Sprintf("counter-%02d", i)] = 1000 + i
	}
	return c
}

// NewTable is a state of about 1 KB.
func NewTable() (t Table) {
	for i := range t.Count {
		t.Count[i] = 1000 + i
	}
	for i := range t.Name {
		t.Name[i].Text = "name of it"
	}
	return t
}

// transition is what the application does with a message of 128 bytes.
func transition[R any](m core.Message, room R, count func(*R, wire.In) int) (wire.Out, R) {
	var in wire.In
	if err := m.Decode(&in); err != nil {
		panic(err)
	}
	return wire.Out{TS: in.TS, C: in.C, Key: in.Key, Val: count(&room, in), Pad: in.Pad}, room
}

// Stateful is a transition that decodes 128 bytes, changes a room state, puts that,
// and replies.
func Stateful[R any](start R, count func(*R, wire.In) int) func(n int) {
	first := true
	m := newMachine(func(_ core.Conn, _ struct{}, room R, msg core.Message) core.Outcome[struct{}, R] {
		if first {
			room, first = start, false
		}
		out, room := transition(msg, room, count)
		return core.Outcome[struct{}, R]{Room: core.Put(room), Reply: out}
	})
	return func(n int) { m.receive(wire.New(3, wire.Key(3)), n) }
}

// ByHand does the same without est: it keeps the state, and encodes it each time, as
// it must to store it.
func ByHand[R any](start R, count func(*R, wire.In) int) func(n int) {
	room := start
	message := wire.New(3, wire.Key(3))
	var stored, sent []byte
	return func(n int) {
		for range n {
			out, next := transition(message, room, count)
			var err error
			if stored, err = json.Marshal(next); err != nil {
				panic(err)
			}
			if sent, err = json.Marshal(out); err != nil {
				panic(err)
			}
			room = next
		}
		if len(stored) == 0 || len(sent) == 0 {
			panic("micro: nothing was encoded")
		}
	}
}

// InCounters counts in a Counters, which it changes in place.
func InCounters(c *Counters, in wire.In) int {
	c.Count["counter-07"] += in.N
	return c.Count["counter-07"]
}

// InTable counts in a Table.
func InTable(t *Table, in wire.In) int {
	t.Count[7] += in.N
	return t.Count[7]
}
