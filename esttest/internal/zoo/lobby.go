package zoo

import (
	"maps"
	"slices"
	"strings"

	"github.com/spinneyio/est/core"
)

type (
	lobbyApp     = core.Integration[player, table]
	lobbyOutcome = core.Outcome[player, table]
)

func lobbyIntegration() lobbyApp {
	return lobbyApp{
		Name:         "lobby",
		Authenticate: enter,
		Identity:     func(_ core.Conn, me player) string { return me.User },
		Room:         func(_ core.Conn, me player) string { return me.Table },
		Join:         sit,
		Receive:      play,
		Deliver:      watch,
		Leave:        stand,
	}
}

func enter(_ core.Conn, hello core.Message) (player, *core.Failure) {
	var me player
	if hello.Decode(&me) != nil || me.User == "" {
		return player{}, refusal("user, please")
	}
	me.Table = strings.ToLower(me.Table) // T1 is t1, here and in play
	return me, nil
}

// sit takes the user's seat, from an older connection if there is one.
func sit(conn core.Conn, me player, room table) lobbyOutcome {
	if me.Table == "" {
		return lobbyOutcome{Reply: say{ID: "seated"}}
	}
	before, taken := room.Players[me.User]
	room.Players = maps.Clone(room.Players)
	if room.Players == nil {
		room.Players = map[string]core.ConnID{}
	}
	room.Players[me.User] = conn.ID
	if room.Dealer == "" || taken && room.Dealer == before {
		room.Dealer = conn.ID
	}
	out := lobbyOutcome{
		Room:    core.Put(room),
		Reply:   say{ID: "seated", Table: me.Table, Users: slices.Sorted(maps.Keys(room.Players))},
		Publish: []core.Publication{core.ToAll(say{ID: "came", User: me.User})},
	}
	if taken {
		out.Publish = append(out.Publish, core.To(me.User, say{ID: "trump"}))
	}
	return out
}

// play handles {"go":table}, where "" is none, and {"deal":true}.
func play(conn core.Conn, me player, room table, msg core.Message) lobbyOutcome {
	if me.Table != "" && room.Players[me.User] != conn.ID {
		return trumped()
	}
	var do struct {
		Go   *string
		Deal bool
	}
	switch err := msg.Decode(&do); {
	case err == nil && do.Go != nil:
		me.Table = strings.ToLower(*do.Go)
		return lobbyOutcome{Data: core.Put(me), Reply: say{ID: "moved", Table: me.Table}} // Leave does the rest
	case err == nil && do.Deal && me.Table != "" && room.Dealer == conn.ID:
		return lobbyOutcome{Publish: []core.Publication{core.ToAll(say{ID: "card", User: me.User})}}
	}
	return lobbyOutcome{Fail: complaint("go or deal, if you are the dealer")}
}

func trumped() lobbyOutcome { return lobbyOutcome{Reply: say{ID: "trump"}, Close: closeTrumped} }

const closeTrumped core.CloseCode = 4001

// watch forwards what it hears, but for the trump, which is for connections that
// have lost their seat.
func watch(conn core.Conn, me player, room table, d core.Delivery) lobbyOutcome {
	var s say
	switch {
	case d.Body.Decode(&s) != nil || s.ID != "trump":
		return lobbyOutcome{Reply: d.Body}
	case room.Players[me.User] == conn.ID:
		return lobbyOutcome{}
	}
	return trumped()
}

// stand gives the seat back, if a newer connection has not taken it.
func stand(conn core.Conn, me player, room table) lobbyOutcome {
	if me.Table == "" || room.Players[me.User] != conn.ID {
		return lobbyOutcome{}
	}
	room.Players = maps.Clone(room.Players)
	delete(room.Players, me.User)
	if len(room.Players) == 0 {
		return lobbyOutcome{Room: core.Delete[table]()}
	}
	if room.Dealer == conn.ID {
		room.Dealer = room.Players[slices.Min(slices.Collect(maps.Keys(room.Players)))]
	}
	return lobbyOutcome{Room: core.Put(room), Publish: []core.Publication{core.ToAll(say{ID: "left", User: me.User})}}
}
