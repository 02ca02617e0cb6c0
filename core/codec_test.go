package core_test

import (
	"errors"
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
