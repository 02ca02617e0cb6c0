package core_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/spinneyio/est/core"
)

// brittle can't be encoded, nor decoded from 7.
type brittle struct{ Broken bool }

func (b brittle) MarshalJSON() ([]byte, error) {
	if b.Broken {
		panic(errors.New("in MarshalJSON"))
	}
	return []byte("{}"), nil
}

func (b *brittle) UnmarshalJSON(text []byte) error {
	if string(text) == "7" {
		panic("in UnmarshalJSON")
	}
	return nil
}

// A type of the application whose JSON methods panic is a bug like any other: it
// ends its connection, and harms nobody else.
func TestCodecsThatPanic(t *testing.T) {
	type outcome = core.Outcome[struct{}, brittle]
	for name, o := range map[string]outcome{
		"Reply":                  {Reply: brittle{true}},
		"Publish":                {Publish: []core.Publication{core.ToAll(brittle{true})}},
		"Room":                   {Room: core.Put(brittle{true})},
		"what the store has":     {},
		"what the store has not": {Reply: "fine"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &core.Integration[struct{}, brittle]{
				Name:         "brittle",
				Authenticate: func(core.Conn, core.Message) (none struct{}, _ *core.Failure) { return none, nil },
				Identity:     func(core.Conn, struct{}) string { return "" },
				Room:         func(core.Conn, struct{}) string { return "r" },
				Join:         func(core.Conn, struct{}, brittle) (o outcome) { return o },
				Receive:      func(core.Conn, struct{}, brittle, core.Message) outcome { return o },
				Leave:        func(core.Conn, struct{}, brittle) (o outcome) { return o },
			}
			c := newCluster(in, 1)
			c.open(0, "a", core.Handshake{})
			c.send("a", "1")
			c.settle()
			if name == "what the store has" {
				c.commit("x", "r", core.Commit{N: 1, Any: true, Op: core.OpPut, Value: []byte("7")})
			}
			c.send("a", "2")
			c.settle()
			want := core.CloseBug
			if name == "what the store has not" {
				want = 0
			}
			if code := c.clients["a"].closed; code != want {
				t.Errorf("closed with %v, want %v", code, want)
			}
			if members := c.store["r"].Record(true).Members; len(members) > 0 != (want == 0) {
				t.Errorf("members: %v", members)
			}
		})
	}
}

// What JSON refuses is found at its own transition, though of a batch only the last
// state is sent; and text that is not UTF-8 is seen by the next transition as by anybody.
func TestCodecsInABatch(t *testing.T) {
	type state struct {
		Rate float64
		Name string
	}
	type outcome = core.Outcome[struct{}, state]
	in := &core.Integration[struct{}, state]{
		Name:         "batch",
		Authenticate: func(core.Conn, core.Message) (none struct{}, _ *core.Failure) { return none, nil },
		Identity:     func(core.Conn, struct{}) string { return "" },
		Room:         func(core.Conn, struct{}) string { return "r" },
		Join:         func(core.Conn, struct{}, state) (o outcome) { return o },
		Leave:        func(core.Conn, struct{}, state) (o outcome) { return o },
		Receive: func(conn core.Conn, _ struct{}, s state, _ core.Message) outcome {
			switch conn.ID {
			case "b":
				s.Rate = math.NaN()
			case "c":
				s.Name = "\xff"
			default:
				s.Rate++
			}
			return outcome{Room: core.Put(s), Reply: len(s.Name)}
		},
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := core.RoomsOf(in).New("r", "1", 0, nil)
	var events []core.Event
	for _, id := range []core.ConnID{"a", "b", "c", "d"} {
		r.Step(nil, core.Entered{Conn: id, Now: now, Data: []byte("{}")})
		events = append(events, core.Received{Conn: id, Now: now, Message: core.Message("1")})
	}
	r.Step(nil, core.Subscribed{}, core.Loaded{})
	r.Step(nil, core.Committed{N: 1, At: core.Position{Epoch: "e"}})
	fx := r.Step(nil, events...)
	if len(fx) != 1 || string(fx[0].(core.Commit).Value) != "{\"Rate\":2,\"Name\":\"\ufffd\"}" {
		t.Fatalf("effects: %v", fx)
	}
	var said []string
	for _, e := range r.Step(nil, core.Committed{N: 2, Version: "v", At: core.Position{Epoch: "e"}}) {
		switch e := e.(type) {
		case core.Report:
			said = append(said, fmt.Sprintf("%s: %s", e.Conn, e.Text))
		case core.Close:
			said = append(said, fmt.Sprintf("%s: closed %d", e.Conn, e.Code))
		case core.Send:
			if e.To[0] != "b" {
				said = append(said, fmt.Sprintf("%s: %s", e.To[0], e.Message))
			}
		}
	}
	want := []string{"a: 0", "b: its Room can't be encoded: json: unsupported value: NaN", "b: closed 1011", "c: 1", "d: 3"}
	if !slices.Equal(said, want) {
		t.Errorf("effects:\n%q, want\n%q", said, want)
	}
}

// What a connection sent goes along when it moves, also if it comes together with
// the receipt of the commit that moves it.
func TestMovesTogether(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := core.RoomsOf(integration(nil)).New("r", "1", 0, nil)
	r.Step(nil, core.Entered{Conn: "a", Now: now, Data: []byte(`{"user":"ann","room":"r"}`), Events: 2})
	r.Step(nil, core.Subscribed{}, core.Loaded{})
	r.Step(nil, core.Committed{N: 1, At: core.Position{Epoch: "e", Seq: 1}})
	r.Step(nil, core.Received{Conn: "a", Now: now, Message: core.Message(`{"go":"q"}`)})
	fx := r.Step(nil, core.Committed{N: 2, At: core.Position{Epoch: "e", Seq: 2}},
		core.Received{Conn: "a", Now: now, Message: core.Message(`{"echo":"here"}`)}, core.Closed{Conn: "a", Now: now})
	i := slices.IndexFunc(fx, func(e core.Effect) bool { _, ok := e.(core.Move); return ok })
	if i < 0 || len(fx[i].(core.Move).Waiting) != 2 {
		t.Errorf("effects: %v", fx)
	}
}
