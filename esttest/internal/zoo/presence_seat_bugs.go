package zoo

import (
	"slices"

	"github.com/spinneyio/est/core"
)

// seatBugs are about who has a seat, and until when.
func seatBugs() []Bug {
	return []Bug{
		presence.bug(Bug{Name: "leave by user", Check: "",
			What:    "Leave removes all seats of the user, and not that of the connection.",
			Reveals: "One of two devices of a user leaves: the other has no seat.",
		}, func(in *presenceApp) {
			in.Leave = func(_ core.Conn, me guest, room party) presenceOutcome {
				seats := slices.Clone(room.Seats)
				seats = slices.DeleteFunc(seats, func(s seat) bool { return s.User == me.User }) // wrong: s.Conn == conn.ID
				return leaving(me, seats)
			}
		}),
		presence.bug(Bug{Name: "the user's first seat", Check: "dead-reference",
			What:    "Leave removes the first seat of the user, whichever connection has it.",
			Reveals: "The newer one of two devices leaves: its seat stays, the older one's is gone.",
		}, func(in *presenceApp) {
			in.Leave = func(conn core.Conn, me guest, room party) presenceOutcome {
				conn.ID = room.Seats[room.seatOfUser(me.User)].Conn // wrong: somebody else's seat
				return getUp(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "one seat per user", Check: "",
			What:    "Join takes no seat for the second connection of a user, because he is there already.",
			Reveals: "The first of two devices leaves: the user is there, and has no seat.",
		}, func(in *presenceApp) {
			in.Join = func(conn core.Conn, me guest, room party) presenceOutcome {
				if room.has(me.User) { // wrong: that seat goes with another connection
					return show(me, room, nil)
				}
				return sitDown(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "no seat given back", Check: "dead-reference",
			What:    "Leave tells the others, and does not change the room.",
			Reveals: "Anybody leaves.",
		}, func(in *presenceApp) {
			in.Leave = func(_ core.Conn, me guest, _ party) presenceOutcome {
				return presenceOutcome{Publish: []core.Publication{core.ToAll(news{"left", me.User})}} // wrong: no Room
			}
		}),
		presence.bug(Bug{Name: "refused and seated", Check: "dead-reference",
			What:    "Join writes the seat also when it refuses, and a failed Join has no Leave.",
			Reveals: "A user too many.",
		}, func(in *presenceApp) {
			in.Join = func(conn core.Conn, me guest, room party) presenceOutcome {
				seats := append(slices.Clone(room.Seats), seat{Conn: conn.ID, User: me.User, Host: len(room.Seats) == 0})
				out := change(me, seats, "joined")
				if next := (party{seats}); next.users() > maxUsers {
					out.Reply, out.Fail = nil, refusal("full") // wrong: out.Room stays
				}
				return out
			}
		}),
		presence.bug(Bug{Name: "joined before", Check: "lost-member",
			What:    "A Join that is retried takes its seat for taken.",
			Reveals: "Two join at the same moment: who loses the compare-and-swap has no seat.",
		}, func(in *presenceApp) {
			in.Join = func(conn core.Conn, me guest, room party) presenceOutcome {
				if conn.Retried { // wrong: nothing of the first try has happened
					return show(me, room, nil)
				}
				return sitDown(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "resync joins", Check: "dead-reference",
			What:    "Resync is Join, so that it takes a second seat, and Leave gives one back.",
			Reveals: "A gap in the messages.",
		}, func(in *presenceApp) {
			in.Resync = in.Join // wrong: the connection is in the room already
		}),
		presence.bug(Bug{Name: "empty, not deleted", Check: "clean-up",
			What:    "The last one leaves an empty room behind, and no deleted one.",
			Reveals: "Everybody leaves.",
		}, func(in *presenceApp) {
			in.Leave = func(conn core.Conn, me guest, room party) presenceOutcome {
				out := getUp(conn, me, room)
				if out.Room.Op == core.OpDelete {
					out.Room = core.Put(party{}) // wrong: it stays in the store
				}
				return out
			}
		}),
		presence.bug(Bug{Name: "last as far as I know", Check: "lost-member",
			What:    "Leave deletes the room if the connection knows of nobody else, and not if nobody else is there.",
			Reveals: "One joins while the only other one leaves.",
		}, func(in *presenceApp) {
			in.Leave = func(conn core.Conn, me guest, room party) presenceOutcome {
				if len(me.Shown) == 1 { // wrong: that was then
					return presenceOutcome{Room: core.Delete[party]()}
				}
				return getUp(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "own seat taken", Check: "panic",
			What:    "Join panics if the user sits there: it can't be.",
			Reveals: "A user comes again before anybody has seen his old connection break.",
		}, func(in *presenceApp) {
			in.Join = func(conn core.Conn, me guest, room party) presenceOutcome {
				if room.has(me.User) {
					panic("a user is there twice") // wrong: it can be
				}
				return sitDown(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "deleted in place", Check: "mutation",
			What:    "Leave cuts the seat out of the slice that it was given.",
			Reveals: "Anybody leaves.",
		}, func(in *presenceApp) {
			in.Leave = func(conn core.Conn, me guest, room party) presenceOutcome {
				seats := slices.DeleteFunc(room.Seats, func(s seat) bool { return s.Conn == conn.ID }) // wrong: no Clone
				return leaving(me, seats)
			}
		}),
	}
}

// leaving is what getUp answers, for seats without the own one.
func leaving(me guest, seats []seat) presenceOutcome {
	if len(seats) == 0 {
		return presenceOutcome{Room: core.Delete[party]()}
	}
	seats[0].Host = seats[0].Host || !slices.ContainsFunc(seats, func(s seat) bool { return s.Host })
	return presenceOutcome{Room: core.Put(party{seats}), Publish: []core.Publication{core.ToAll(news{"left", me.User})}}
}
