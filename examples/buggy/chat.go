// Package buggy is a chat with a bug of the kind that every test finds fine, and
// production finds on the first day: it thinks of users where it should think of
// connections. Its test shows what esttest says about it.
package buggy

import (
	"maps"
	"slices"

	"github.com/spinneyio/est/core"
)

// Hello is the first message of a client.
type Hello struct {
	User string `json:"user"`
	Room string `json:"room"`
}

// Room is who is online, and what was said last.
type Room struct {
	Online map[string]bool `json:"online"`
	Said   []string        `json:"said,omitempty"`
}

type outcome = core.Outcome[Hello, Room]

// Chat is the integration.
var Chat = core.Integration[Hello, Room]{
	Name:         "chat",
	Authenticate: authenticate,
	Identity:     func(_ core.Conn, me Hello) string { return me.User },
	Room:         func(_ core.Conn, me Hello) string { return me.Room },
	Join:         join,
	Receive:      say,
	Leave:        leave,
}

func authenticate(_ core.Conn, hello core.Message) (me Hello, f *core.Failure) {
	if hello.Decode(&me) != nil || me.User == "" || me.Room == "" {
		return me, &core.Failure{Code: 1, Errors: map[string]string{"auth": "who are you, and where to?"}}
	}
	return me, nil
}

func join(_ core.Conn, me Hello, room Room) outcome {
	online := maps.Clone(room.Online)
	if online == nil {
		online = map[string]bool{}
	}
	online[me.User] = true
	room.Online = online
	return outcome{Room: core.Put(room), Reply: room, Publish: []core.Publication{core.ToAll(me.User + " is here")}}
}

func say(_ core.Conn, me Hello, room Room, msg core.Message) outcome {
	var text string
	if msg.Decode(&text) != nil {
		return outcome{Fail: &core.Failure{Code: 2}}
	}
	said := append(slices.Clone(room.Said), me.User+": "+text)
	room.Said = said[max(0, len(said)-20):]
	return outcome{Room: core.Put(room), Publish: []core.Publication{core.ToAll(me.User + ": " + text)}}
}

// leave is wrong: when somebody reloads the page, the new connection may well join
// before the old one's leave, which then takes the user away who has just come.
func leave(_ core.Conn, me Hello, room Room) outcome {
	online := maps.Clone(room.Online)
	delete(online, me.User)
	if len(online) == 0 {
		return outcome{Room: core.Delete[Room]()}
	}
	room.Online = online
	return outcome{Room: core.Put(room), Publish: []core.Publication{core.ToAll(me.User + " has left")}}
}
