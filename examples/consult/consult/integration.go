package consult

import (
	"github.com/spinneyio/est/core"
)

// Integration is the whole application: two seats in a room, one for a dietitian
// and one for a client, who talk to each other. Everything in this file is pure.
var Integration = core.Integration[Data, Room]{
	Name:         "consult",
	Path:         "/consult",
	Authenticate: authenticate,
	Identity:     func(_ core.Conn, me Data) string { return me.User },
	Room:         func(_ core.Conn, me Data) string { return me.Room },
	Join:         join,
	Receive:      receive,
	Deliver:      deliver,
	Leave:        leave,
}

// Data is what is kept for one connection.
type Data struct {
	User string `json:"user"`
	Room string `json:"room"`
	Role Role   `json:"role"`
}

// authenticate reads the hello. Keys and values have to be exactly right, so it
// does not decode into a struct, which would take "AUTH" for "auth".
func authenticate(_ core.Conn, hello core.Message) (Data, *core.Failure) {
	var fields map[string]any
	err := hello.Decode(&fields)
	text := func(key string) string { s, _ := fields[key].(string); return s }

	me := Data{User: text("user"), Room: text("room"), Role: Role(text("role"))}
	if err != nil || text("auth") != "secret" || me.User == "" || me.Room == "" || !me.Role.valid() {
		return Data{}, refusal("Bad password")
	}
	return me, nil
}

// join takes the seat, unless somebody else sits there. The same user may come
// again: the new connection takes the seat over, and the old one is told to go.
func join(conn core.Conn, me Data, room Room) core.Outcome[Data, Room] {
	own, other := room.seat(me.Role), room.seat(me.Role.other())
	if own != nil && own.User != me.User {
		return core.Outcome[Data, Room]{Fail: refusal("Too many users")}
	}

	next := room.with(me.Role, &Seat{User: me.User, Conn: conn.ID})
	next.CallID = me.Room
	out := core.Outcome[Data, Room]{
		Room:    core.Put(next),
		Reply:   welcome{ID: "auth", Success: true, RoomFull: other != nil, State: next},
		Publish: []core.Publication{core.To(me.User, disconnect{true})},
	}
	if other != nil {
		status := "connect"
		if own != nil {
			status = "reconnect"
		}
		out.Publish = append(out.Publish, core.To(other.User, changed(me.Room, status)))
	}
	if own == nil && other == nil {
		out.Perform = []any{[]string{"room-opened", me.Room}}
	}
	return out
}

// receive passes a message on to the other seat. A message without an id is
// acknowledged with the id null.
func receive(_ core.Conn, me Data, room Room, msg core.Message) core.Outcome[Data, Room] {
	var fields map[string]core.Message
	if err := msg.Decode(&fields); err != nil || fields == nil {
		return core.Outcome[Data, Room]{Fail: &core.Failure{
			ID: "comm", Code: 1, Errors: map[string]string{"comm": "Not a JSON object"},
		}}
	}
	other := room.seat(me.Role.other())
	if other == nil {
		return core.Outcome[Data, Room]{
			Fail: &core.Failure{
				ID: "transfer", Code: 1, Errors: map[string]string{"auth": "The room is empty"},
			},
			Close: core.CloseNormal,
		}
	}
	return core.Outcome[Data, Room]{
		Reply:   receipt{ID: fields["id"], Success: true},
		Publish: []core.Publication{core.To(other.User, msg)},
	}
}

// deliver forwards everything but {"disconnect":true}: that ends a connection
// which has lost its seat to a newer one of the same user. Comparing the seat
// makes it harmless to everyone else, whoever sent it: to the winner of two
// logins at the same moment, and to a user whose peer forged it.
func deliver(conn core.Conn, me Data, room Room, d core.Delivery) core.Outcome[Data, Room] {
	if !isDisconnect(d.Body) {
		return core.Outcome[Data, Room]{Reply: d.Body}
	}
	if room.holds(conn, me) {
		return core.Outcome[Data, Room]{}
	}
	return core.Outcome[Data, Room]{
		Reply: trumped{ID: "disconnectOnNewConnectionTrumpsOldConnection", CallID: me.Room},
		Close: core.CloseNormal,
	}
}

// leave gives the seat back, unless a newer connection has taken it over.
func leave(conn core.Conn, me Data, room Room) core.Outcome[Data, Room] {
	if !room.holds(conn, me) {
		return core.Outcome[Data, Room]{}
	}
	other := room.seat(me.Role.other())
	if other == nil {
		return core.Outcome[Data, Room]{Room: core.Delete[Room]()}
	}
	return core.Outcome[Data, Room]{
		Room:    core.Put(room.with(me.Role, nil)),
		Publish: []core.Publication{core.To(other.User, changed(me.Room, "disconnect"))},
	}
}
