package consult

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

// The people of these tests. Dana sits on connection d1, Carl on c1.
var (
	dana = Data{User: "dana", Room: "k", Role: Dietitian}
	carl = Data{User: "carl", Room: "k", Role: Client}

	empty    Room
	withDana = Room{CallID: "k", Dietitian: &Seat{"dana", "d1"}}
	withCarl = Room{CallID: "k", Client: &Seat{"carl", "c1"}}
	withBoth = Room{CallID: "k", Dietitian: &Seat{"dana", "d1"}, Client: &Seat{"carl", "c1"}}
)

type outcome = core.Outcome[Data, Room]

func TestJoin(t *testing.T) {
	tooMany := outcome{Fail: &core.Failure{ID: "auth", Code: 1, Errors: map[string]string{"auth": "Too many users"}}}
	welcomed := func(state Room, full bool, rest outcome) outcome {
		rest.Room = core.Put(state)
		rest.Reply = welcome{ID: "auth", Success: true, RoomFull: full, State: state}
		return rest
	}
	goAway := func(user string) core.Publication { return core.To(user, disconnect{true}) }
	tell := func(user, status string) core.Publication {
		return core.To(user, participantChange{"participantChange", "k", status})
	}
	swapped := Data{User: "dana", Room: "k", Role: Client} // Dana wants both seats

	tests := []struct {
		name string
		id   core.ConnID
		me   Data
		room Room
		want outcome
	}{
		{"the first one", "d1", dana, empty, welcomed(withDana, false, outcome{
			Publish: []core.Publication{goAway("dana")},
			Perform: []any{[]string{"room-opened", "k"}},
		})},
		{"the first one is a client", "c1", carl, empty, welcomed(withCarl, false, outcome{
			Publish: []core.Publication{goAway("carl")},
			Perform: []any{[]string{"room-opened", "k"}},
		})},
		{"the second one", "c1", carl, withDana, welcomed(withBoth, true, outcome{
			Publish: []core.Publication{goAway("carl"), tell("dana", "connect")},
		})},
		{"the same user again, alone", "d2", dana, withDana,
			welcomed(Room{CallID: "k", Dietitian: &Seat{"dana", "d2"}}, false, outcome{
				Publish: []core.Publication{goAway("dana")},
			})},
		{"the same user again, with the other one there", "c2", carl, withBoth,
			welcomed(Room{CallID: "k", Dietitian: withBoth.Dietitian, Client: &Seat{"carl", "c2"}}, true, outcome{
				Publish: []core.Publication{goAway("carl"), tell("dana", "reconnect")},
			})},
		{"the same user on the other seat", "c9", swapped, withDana,
			welcomed(Room{CallID: "k", Dietitian: withDana.Dietitian, Client: &Seat{"dana", "c9"}}, true, outcome{
				Publish: []core.Publication{goAway("dana"), tell("dana", "connect")},
			})},
		{"somebody else's seat", "x", Data{User: "mallory", Room: "k", Role: Dietitian}, withDana, tooMany},
		{"somebody else's seat in a full room", "x", Data{User: "mallory", Room: "k", Role: Client}, withBoth, tooMany},
		{"the other one's name for a taken seat", "x", Data{User: "carl", Room: "k", Role: Dietitian}, withBoth, tooMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			unchanged(t, tt.room, func(room Room) {
				got := Integration.Join(core.Conn{ID: tt.id}, tt.me, room)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestReceive(t *testing.T) {
	notObject := outcome{Fail: &core.Failure{ID: "comm", Code: 1, Errors: map[string]string{"comm": "Not a JSON object"}}}
	nobody := outcome{
		Fail:  &core.Failure{ID: "transfer", Code: 1, Errors: map[string]string{"auth": "The room is empty"}},
		Close: core.CloseNormal,
	}
	passed := func(to, msg, id string) outcome {
		return outcome{
			Reply:   receipt{ID: core.Message(id), Success: true},
			Publish: []core.Publication{core.To(to, core.Message(msg))},
		}
	}
	noID := outcome{
		Reply:   receipt{Success: true},
		Publish: []core.Publication{core.To("carl", core.Message(`{"text":"hi"}`))},
	}

	tests := []struct {
		name string
		me   Data
		room Room
		msg  string
		want outcome
	}{
		{"dietitian to client", dana, withBoth, `{"id":"m1","text":"hi"}`, passed("carl", `{"id":"m1","text":"hi"}`, `"m1"`)},
		{"client to dietitian", carl, withBoth, `{"id":"m1","text":"hi"}`, passed("dana", `{"id":"m1","text":"hi"}`, `"m1"`)},
		{"byte for byte", dana, withBoth, "{ \"id\" : 1,\n \"n\":1e400 }", passed("carl", "{ \"id\" : 1,\n \"n\":1e400 }", `1`)},
		{"an id may be a huge number", dana, withBoth, `{"id":123456789012345678901}`, passed("carl", `{"id":123456789012345678901}`, `123456789012345678901`)},
		{"an id may be an object", dana, withBoth, `{"id":{"n":1}}`, passed("carl", `{"id":{"n":1}}`, `{"n":1}`)},
		{"an id may be null", dana, withBoth, `{"id":null}`, passed("carl", `{"id":null}`, `null`)},
		{"no id", dana, withBoth, `{"text":"hi"}`, noID},
		{"a forged disconnect is a message", dana, withBoth, `{"disconnect":true}`, outcome{
			Reply:   receipt{Success: true},
			Publish: []core.Publication{core.To("carl", core.Message(`{"disconnect":true}`))},
		}},
		{"nobody is there", dana, withDana, `{"id":"m1"}`, nobody},
		{"nobody is there for the client", carl, withCarl, `{"id":"m1"}`, nobody},
		{"an array", dana, withBoth, `[{"id":"m1"}]`, notObject},
		{"a string", dana, withBoth, `"hi"`, notObject},
		{"a number", dana, withBoth, `7`, notObject},
		{"null", dana, withBoth, `null`, notObject},
		{"an array in an empty room", dana, withDana, `[]`, notObject},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			unchanged(t, tt.room, func(room Room) {
				got := Integration.Receive(core.Conn{ID: "x"}, tt.me, room, core.Message(tt.msg))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDeliver(t *testing.T) {
	forward := func(body string) outcome { return outcome{Reply: core.Message(body)} }
	goes := outcome{
		Reply: trumped{"disconnectOnNewConnectionTrumpsOldConnection", "k"},
		Close: core.CloseNormal,
	}
	tests := []struct {
		name string
		id   core.ConnID
		me   Data
		room Room
		body string
		want outcome
	}{
		{"a message", "c1", carl, withBoth, `{"id":"m1","text":"hi"}`, forward(`{"id":"m1","text":"hi"}`)},
		{"a participant change", "d1", dana, withBoth, `{"id":"participantChange","callid":"k","status":"connect"}`,
			forward(`{"id":"participantChange","callid":"k","status":"connect"}`)},
		{"a newer connection has the seat", "d0", dana, withDana, `{"disconnect":true}`, goes},
		{"a newer client has the seat", "c0", carl, withBoth, `{"disconnect":true}`, goes},
		{"spaces do not matter", "d0", dana, withDana, `{ "disconnect" : true }`, goes},
		{"the seat is free by now", "d0", dana, withCarl, `{"disconnect":true}`, goes},
		{"the room is gone by now", "d0", dana, empty, `{"disconnect":true}`, goes},
		{"it still has the seat: meant for an older one, or forged", "d1", dana, withBoth, `{"disconnect":true}`, outcome{}},
		{"disconnect and more is a message", "d0", dana, withDana, `{"disconnect":true,"id":1}`, forward(`{"disconnect":true,"id":1}`)},
		{"disconnect false is a message", "d0", dana, withDana, `{"disconnect":false}`, forward(`{"disconnect":false}`)},
		{"disconnect in words is a message", "d0", dana, withDana, `{"disconnect":"true"}`, forward(`{"disconnect":"true"}`)},
		{"not an object, from outside", "d1", dana, withDana, `["x"]`, forward(`["x"]`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			unchanged(t, tt.room, func(room Room) {
				d := core.Delivery{From: "other", To: tt.me.User, Body: core.Message(tt.body)}
				got := Integration.Deliver(core.Conn{ID: tt.id}, tt.me, room, d)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLeave(t *testing.T) {
	gone := func(left Room, told string) outcome {
		return outcome{
			Room:    core.Put(left),
			Publish: []core.Publication{core.To(told, participantChange{"participantChange", "k", "disconnect"})},
		}
	}
	tests := []struct {
		name string
		id   core.ConnID
		me   Data
		room Room
		want outcome
	}{
		{"the dietitian, with a client there", "d1", dana, withBoth, gone(withCarl, "carl")},
		{"the client, with a dietitian there", "c1", carl, withBoth, gone(withDana, "dana")},
		{"the last one", "d1", dana, withDana, outcome{Room: core.Delete[Room]()}},
		{"a trumped connection, alone", "d0", dana, withDana, outcome{}},
		{"a trumped connection, with a client there", "d0", dana, withBoth, outcome{}},
		{"the seat is free already", "d1", dana, withCarl, outcome{}},
		{"the room is gone already", "d1", dana, empty, outcome{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			unchanged(t, tt.room, func(room Room) {
				got := Integration.Leave(core.Conn{ID: tt.id}, tt.me, room)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// unchanged runs f and fails if that changed the room that it was given.
func unchanged(t *testing.T, room Room, f func(Room)) {
	t.Helper()
	before, err := json.Marshal(room)
	if err != nil {
		t.Fatal(err)
	}
	f(room)
	after, err := json.Marshal(room)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the room state was changed in place (-before +after):\n%s", diff)
	}
}
