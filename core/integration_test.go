package core_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/spinneyio/est/core"
)

// The integration of the plays: a message of a client says what to decide.

type who struct {
	User string `json:"user"`
	Room string `json:"room"`
	Note string `json:"note,omitempty"`
}

type room struct {
	Log []string `json:"log,omitempty"`
}

// wish is what a client sends; its hello is a who.
type wish struct {
	Add    string       `json:"add"`    // append to the log, answer its length
	Clear  bool         `json:"clear"`  // delete the state
	Echo   string       `json:"echo"`   // reply
	All    core.Message `json:"all"`    // publish to all
	Tell   *string      `json:"tell"`   // publish body to this user
	Body   core.Message `json:"body"`   //
	Do     string       `json:"do"`     // ask for a side effect
	Note   string       `json:"note"`   // change the own data
	Go     *string      `json:"go"`     // change the room
	Be     string       `json:"be"`     // change the identity
	Fail   bool         `json:"fail"`   // fail
	Both   bool         `json:"both"`   // reply and fail: a bug
	Close  uint16       `json:"close"`  // close
	Panic  bool         `json:"panic"`  //
	Tried  bool         `json:"tried"`  // reply whether this was decided before
	Secret bool         `json:"secret"` // reply what can't be encoded: a bug
}

type outcome = core.Outcome[who, room]

// integration is the play's, with what the play asks for.
func integration(with []string) *core.Integration[who, room] {
	in := &core.Integration[who, room]{
		Name: "play",
		Authenticate: func(c core.Conn, hello core.Message) (w who, f *core.Failure) {
			if len(hello) == 0 {
				hello = c.Handshake.Claims
			}
			if hello.Decode(&w) != nil || w.User == "" {
				return w, &core.Failure{Code: 1, Errors: map[string]string{"auth": "who are you?"}}
			}
			if w.User == "boom" {
				panic("boom")
			}
			return w, nil
		},
		Identity: func(_ core.Conn, w who) string { return w.User },
		Room:     func(_ core.Conn, w who) string { return w.Room },
		Join:     joins,
		Receive:  receives,
		Leave: func(_ core.Conn, w who, _ room) outcome {
			if w.User == "grumpy" {
				panic("no")
			}
			if w.Room == "" {
				return outcome{Perform: []any{"bye " + w.User}}
			}
			return outcome{Publish: []core.Publication{core.ToAll(w.User + " left")}}
		},
	}
	if slices.Contains(with, "deliver") {
		in.Deliver = func(_ core.Conn, w who, r room, d core.Delivery) outcome {
			var b wish
			if d.Body.Decode(&b) == nil && b.Note != "" {
				w.Note = b.Note
				return outcome{Data: core.Put(w)}
			}
			if b.Panic {
				panic("in Deliver")
			}
			return outcome{Reply: fmt.Sprintf("%s, log %d", d.Body, len(r.Log)), Close: core.CloseCode(b.Close)}
		}
	}
	if slices.Contains(with, "resync") {
		in.Resync = func(_ core.Conn, _ who, r room) outcome {
			return outcome{Reply: fmt.Sprintf("resync: %v", r.Log)}
		}
	}
	if slices.Contains(with, "performed") {
		in.Performed = func(_ core.Conn, _ who, _ room, p core.Performed) outcome {
			return outcome{Reply: fmt.Sprintf("%v is %s", p.Effect, p.Result)}
		}
	}
	in.AuthenticateOnConnect = slices.Contains(with, "claims")
	return in
}

func joins(c core.Conn, w who, r room) outcome {
	o := outcome{Reply: fmt.Sprintf("welcome, log %d", len(r.Log))}
	switch {
	case w.User == "nobody":
		return outcome{Fail: &core.Failure{Code: 2, Errors: map[string]string{"auth": "not you"}}}
	case w.User == "wanderer":
		w.Room = "elsewhere"
		return outcome{Data: core.Put(w)}
	case w.User == "crash":
		panic("in Join")
	}
	if w.Room != "" {
		o.Publish = []core.Publication{core.ToAll(w.User + " came")}
	}
	return o
}

func receives(c core.Conn, w who, r room, m core.Message) (o outcome) {
	var x wish
	if err := m.Decode(&x); err != nil {
		return outcome{Fail: &core.Failure{Code: 3, Errors: map[string]string{"comm": "not a wish"}}}
	}
	if x.Panic {
		panic("in Receive")
	}
	if x.Add != "" {
		r.Log = append(r.Log, x.Add)
		o.Room, o.Reply = core.Put(r), len(r.Log)
	}
	if x.Clear {
		o.Room = core.Delete[room]()
	}
	if x.Echo != "" {
		o.Reply = x.Echo
	}
	if x.Tried {
		o.Reply = c.Retried
	}
	if x.Secret {
		o.Reply = func() {}
	}
	if len(x.All) > 0 {
		o.Publish = append(o.Publish, core.ToAll(x.All))
	}
	if x.Tell != nil {
		o.Publish = append(o.Publish, core.To(*x.Tell, x.Body))
	}
	if x.Do != "" {
		o.Perform = []any{x.Do}
	}
	if x.Note != "" {
		w.Note = x.Note
		o.Data = core.Put(w)
	}
	if x.Be != "" {
		w.User = x.Be
		o.Data = core.Put(w)
	}
	if x.Go != nil {
		w.Room = *x.Go
		o.Data = core.Put(w)
	}
	if x.Fail || x.Both {
		o.Fail = &core.Failure{Code: 4, Errors: map[string]string{"comm": "as you wish"}}
	}
	if x.Both {
		o.Reply = "both"
	}
	o.Close = core.CloseCode(x.Close)
	return o
}

// checkPure sees that a machine is what its events make of it: the same events
// on a copy have the same effects and leave the same state.
func checkPure[C, R any](t *testing.T, before *core.Room[C, R], fx []core.Effect, events []core.Event) {
	t.Helper()
	print := before.Fingerprint()
	again := before.Clone()
	if got := again.Step(nil, events...); !reflect.DeepEqual(got, fx) {
		t.Errorf("a copy of the machine decides differently about %v:\n%v\n%v", events, got, fx)
	}
	if before.Fingerprint() != print {
		t.Errorf("a copy's step changed the original: %v", events)
	}
	once := before.Clone()
	once.Step(nil, events...)
	if once.Fingerprint() != again.Fingerprint() {
		t.Errorf("two copies went apart: %v", events)
	}
}
