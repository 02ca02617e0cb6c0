package zoo

import (
	"slices"

	"github.com/spinneyio/est/core"
)

type (
	presenceApp     = core.Integration[guest, party]
	presenceOutcome = core.Outcome[guest, party]
)

func presenceIntegration() presenceApp {
	return presenceApp{
		Name:         "presence",
		Authenticate: greet,
		Identity:     func(_ core.Conn, me guest) string { return me.User },
		Room:         func(_ core.Conn, me guest) string { return me.Room },
		Join:         sitDown,
		Receive:      act,
		Deliver:      notice,
		Leave:        getUp,
		Resync:       lookAgain,
	}
}

func greet(_ core.Conn, hello core.Message) (guest, *core.Failure) {
	var me guest
	if hello.Decode(&me) != nil || me.User == "" || me.Room == "" {
		return guest{}, refusal("user and room, please")
	}
	return guest{User: me.User, Room: me.Room}, nil
}

// sitDown takes a seat for the connection. It is users that are counted: one
// whose old connection nobody has seen break yet is let in all the same.
func sitDown(conn core.Conn, me guest, room party) presenceOutcome {
	if !room.has(me.User) && room.users() >= maxUsers {
		return presenceOutcome{Fail: refusal("full")}
	}
	seats := append(slices.Clone(room.Seats), seat{Conn: conn.ID, User: me.User, Host: len(room.Seats) == 0})
	return change(me, seats, "joined")
}

// act handles {"op":"wave"|"ready"|"pass","to":user}.
func act(conn core.Conn, me guest, room party, msg core.Message) presenceOutcome {
	var do struct{ Op, To string }
	if msg.Decode(&do) != nil {
		return presenceOutcome{Fail: complaint("not an object")}
	}
	own, seats := room.seatOf(conn.ID), slices.Clone(room.Seats)
	if own < 0 { // it was taken for dead
		return presenceOutcome{Close: core.CloseComeBack}
	}
	switch do.Op {
	case "wave":
		to := core.ToAll(news{"wave", me.User})
		if do.To != "" {
			to = core.To(do.To, news{"wave", me.User})
		}
		return presenceOutcome{Publish: []core.Publication{to}}
	case "ready":
		seats[own].Ready = !seats[own].Ready
		return change(me, seats, "ready")
	case "pass":
		next := room.seatOfUser(do.To)
		if !seats[own].Host || next < 0 {
			return presenceOutcome{Fail: complaint("not yours to pass, or nobody to pass it to")}
		}
		seats[own].Host = false
		seats[next].Host = true
		return change(me, seats, "passed")
	}
	return presenceOutcome{Fail: complaint("unknown op")}
}

// change puts seats, shows them to the own client, and tells the others.
func change(me guest, seats []seat, what string) presenceOutcome {
	me.Shown = seats
	return presenceOutcome{
		Data:    core.Put(me),
		Room:    core.Put(party{seats}),
		Reply:   view{news{what, me.User}, seats},
		Publish: []core.Publication{core.ToAll(news{what, me.User})},
	}
}

// notice shows the room as it is now, which may be newer than the message.
func notice(_ core.Conn, me guest, room party, d core.Delivery) presenceOutcome {
	return show(me, room, d.Body)
}

func lookAgain(_ core.Conn, me guest, room party) presenceOutcome { return show(me, room, nil) }

func show(me guest, room party, about any) presenceOutcome {
	out := presenceOutcome{Reply: view{about, room.Seats}}
	if !slices.Equal(me.Shown, room.Seats) {
		me.Shown = room.Seats
		out.Data = core.Put(me)
	}
	return out
}

// getUp gives the seat back. The one who has been there longest becomes host, if
// it was the host's; the last one deletes the room.
func getUp(conn core.Conn, me guest, room party) presenceOutcome {
	own := room.seatOf(conn.ID)
	if own < 0 {
		return presenceOutcome{}
	}
	seats := slices.Delete(slices.Clone(room.Seats), own, own+1)
	if len(seats) == 0 {
		return presenceOutcome{Room: core.Delete[party]()}
	}
	if room.Seats[own].Host {
		seats[0].Host = true
	}
	return presenceOutcome{Room: core.Put(party{seats}), Publish: []core.Publication{core.ToAll(news{"left", me.User})}}
}
