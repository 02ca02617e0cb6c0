package core_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// tally is an application: it counts the words that are said in a room.
var tally = core.Integration[string, int]{
	Name: "tally",
	Authenticate: func(_ core.Conn, hello core.Message) (room string, f *core.Failure) {
		if hello.Decode(&room) != nil {
			return "", &core.Failure{Code: 1, Errors: map[string]string{"auth": "say the name of a room"}}
		}
		return room, nil
	},
	Identity: func(core.Conn, string) string { return "" },
	Room:     func(_ core.Conn, room string) string { return room },
	Join: func(_ core.Conn, _ string, n int) core.Outcome[string, int] {
		return core.Outcome[string, int]{Reply: n}
	},
	Receive: func(_ core.Conn, _ string, n int, word core.Message) core.Outcome[string, int] {
		return core.Outcome[string, int]{Room: core.Put(n + 1), Reply: n + 1, Publish: []core.Publication{core.ToAll(word)}}
	},
	Leave: func(core.Conn, string, int) core.Outcome[string, int] { return core.Outcome[string, int]{} },
}

var tallyRooms = core.RoomsOf(&tally)

// driver runs one instance of tally, whole, on a store that is a Go map: there
// is nothing to wait for, so every effect is answered on the spot.
type driver struct {
	rooms map[string]*core.Room[string, int]
	home  map[core.ConnID]*core.Room[string, int]
	store map[string]broker.State
}

func (d *driver) room(key string) *core.Room[string, int] {
	if d.rooms[key] == nil {
		d.rooms[key] = tallyRooms.New(key, "instance 1", 0, nil)
	}
	return d.rooms[key]
}

// step gives an event to a machine, carries out the effects, and gives the
// answers to the machine, until it asks for nothing more.
func (d *driver) step(r *core.Room[string, int], events ...core.Event) {
	for len(events) > 0 {
		effects := r.Step(nil, events...)
		events = nil
		for _, fx := range effects {
			switch fx := fx.(type) {
			case core.Send:
				fmt.Println("to", fx.To, fx.Message)
			case core.Close:
				fmt.Println("close", fx.Conn, fx.Code)
				events = append(events, core.Closed{Conn: fx.Conn})
			case core.Move:
				d.home[fx.Conn] = d.room(fx.Room)
				d.step(d.home[fx.Conn], append([]core.Event{fx.Entered}, fx.Waiting...)...)
			case core.Gone:
				delete(d.home, fx.Conn)
			case core.Report:
				fmt.Println("bug:", fx.Text)
			case core.Perform:
				events = append(events, core.Answered{Conn: fx.Conn, Answer: core.Performed{Effect: fx.Effect}})
			case core.Subscribe:
				events = append(events, core.Subscribed{})
			case core.Unsubscribe:
				events = append(events, core.Unsubscribed{})
			case core.Load:
				events = append(events, core.Loaded{Record: coreRecord(d.store[r.Key()].Record(false))})
			case core.Commit:
				events = append(events, d.commit(r.Key(), fx)...)
			}
		}
	}
}

// commit applies a commit to the store and answers it; the messages follow.
func (d *driver) commit(key string, fx core.Commit) []core.Event {
	c := broker.Commit{
		ID:       broker.CommitID{Writer: "instance 1", N: fx.N},
		Value:    broker.Change{Op: broker.Op(fx.Op), Value: fx.Value},
		Messages: fx.Messages,
	}
	if !fx.Any {
		c.Expect = (*broker.Version)(&fx.Expect)
	}
	for _, m := range fx.Members {
		c.Members = append(c.Members, broker.MemberChange{Op: broker.MemberOp(m.Op), ID: string(m.Conn), Data: m.Data})
	}
	state, receipt, err := broker.Apply(d.store[key], c)
	var conflict *broker.Conflict
	if errors.As(err, &conflict) {
		return []core.Event{core.Conflicted{N: fx.N, Record: coreRecord(conflict.Record)}}
	} else if err != nil {
		return []core.Event{core.Refused{N: fx.N, Reason: err.Error()}}
	}
	d.store[key] = state
	events := []core.Event{core.Committed{N: fx.N, Version: string(receipt.Version), At: core.Position(receipt.At)}}
	for i, body := range fx.Messages {
		at := core.Position(receipt.At)
		at.Seq -= uint64(len(fx.Messages) - 1 - i)
		events = append(events, core.Delivered{At: at, Version: string(receipt.Version), Body: body})
	}
	return events
}

func coreRecord(r broker.Record) core.Record {
	return core.Record{Value: r.Value, Version: string(r.Version), At: core.Position(r.At)}
}

// A complete driver: what core/instance does with goroutines, a broker and
// sockets, on one page.
func Example_driver() {
	d := &driver{
		rooms: map[string]*core.Room[string, int]{},
		home:  map[core.ConnID]*core.Room[string, int]{},
		store: map[string]broker.State{},
	}
	say := func(id core.ConnID, text string) {
		if d.home[id] == nil {
			d.home[id] = d.room("")
			d.step(d.home[id], core.Opened{Conn: id, Now: time.Now()})
		}
		d.step(d.home[id], core.Received{Conn: id, Now: time.Now(), Message: core.Message(text)})
	}
	say("ann", `"kitchen"`)
	say("bob", `"kitchen"`)
	say("ann", `"hello"`)
	say("bob", `not JSON`)
	say("eve", `{}`)
	// Output:
	// to [ann] 0
	// to [bob] 0
	// to [ann] 1
	// to [bob] "hello"
	// to [bob] {"id":"comm","success":false,"error-code":1007,"errors":{"comm":"not JSON"}}
	// close bob 1007 (not JSON)
	// to [eve] {"id":"auth","success":false,"error-code":1,"errors":{"auth":"say the name of a room"}}
	// close eve 1008 (refused)
}
