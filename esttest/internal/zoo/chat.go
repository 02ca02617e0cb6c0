package zoo

import "github.com/spinneyio/est/core"

type (
	chatApp     = core.Integration[reader, log]
	chatOutcome = core.Outcome[reader, log]
)

func chatIntegration() chatApp {
	return chatApp{
		Name:         "chat",
		Authenticate: sign,
		Identity:     func(_ core.Conn, me reader) string { return me.User },
		Room:         func(_ core.Conn, me reader) string { return me.Room },
		Join:         open,
		Receive:      write,
		Deliver:      hear,
		Leave:        func(core.Conn, reader, log) (none chatOutcome) { return none },
		Resync:       catchUp,
	}
}

func sign(_ core.Conn, hello core.Message) (reader, *core.Failure) {
	var me reader
	if hello.Decode(&me) != nil || me.User == "" || me.Room == "" {
		return reader{}, refusal("user and room, please")
	}
	return reader{User: me.User, Room: me.Room}, nil
}

// open gives the client all that is kept.
func open(_ core.Conn, me reader, room log) chatOutcome {
	me.Heard = room.Last
	return chatOutcome{Data: core.Put(me), Reply: page{ID: "welcome", Lines: room.Lines, Last: room.Last}}
}

// write handles {"op":"say"|"read"|"typing","text":text}.
func write(_ core.Conn, me reader, room log, msg core.Message) chatOutcome {
	var do struct{ Op, Text string }
	switch err := msg.Decode(&do); {
	case err != nil:
	case do.Op == "say" && do.Text != "":
		next := room.with(line{room.Last + 1, me.User, do.Text})
		me, p := me.turn("said", next) // with what others said meanwhile
		me.Unread, p.Unread = 0, 0
		return chatOutcome{Data: core.Put(me), Room: core.Put(next), Reply: p, Publish: told(next)}
	case do.Op == "read":
		me.Unread = 0
		return chatOutcome{Data: core.Put(me), Reply: page{ID: "read", Last: me.Heard}}
	case do.Op == "typing":
		return chatOutcome{Publish: []core.Publication{core.ToAll(rustle{Typing: me.User})}}
	}
	return chatOutcome{Fail: complaint("say something, or read")}
}

func told(room log) []core.Publication {
	return []core.Publication{core.ToAll(rustle{Line: room.Last})}
}

// hear gives the client what it has not heard. That may be more than the line of
// the message, and nothing when the next message comes.
func hear(conn core.Conn, me reader, room log, d core.Delivery) chatOutcome {
	var r rustle
	if d.Body.Decode(&r) == nil && r.Typing != "" {
		return chatOutcome{Reply: d.Body}
	}
	return catchUp(conn, me, room)
}

func catchUp(_ core.Conn, me reader, room log) chatOutcome {
	if me.Heard == room.Last {
		return chatOutcome{}
	}
	me, p := me.turn("news", room)
	return chatOutcome{Data: core.Put(me), Reply: p}
}
