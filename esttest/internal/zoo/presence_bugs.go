package zoo

import (
	"cmp"
	"slices"
	"time"

	"github.com/spinneyio/est/core"
)

// presenceBugs are about who is there. First the seats, then the host, then what
// the clients know of it.
func presenceBugs() []Bug {
	return slices.Concat(seatBugs(), hostBugs(), rosterBugs())
}

// hostBugs are about who is host.
func hostBugs() []Bug {
	return []Bug{
		presence.bug(Bug{Name: "nobody follows", Check: "",
			What:    "Leave of the host makes nobody host.",
			Reveals: "The host leaves, and is not the last one.",
		}, func(in *presenceApp) {
			in.Leave = func(conn core.Conn, me guest, room party) presenceOutcome {
				if own := room.seatOf(conn.ID); own >= 0 {
					room.Seats = slices.Clone(room.Seats)
					room.Seats[own].Host = false // wrong: now nobody sees that there is to elect
				}
				return getUp(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "everybody accepts", Check: "",
			What:    "The host only gives up his place, and the connections of the user that he passes it to take it in Deliver.",
			Reveals: "That user has two devices, or has gone: two hosts, or none.",
		}, func(in *presenceApp) {
			in.Receive = func(conn core.Conn, me guest, room party, msg core.Message) presenceOutcome {
				var do struct{ Op, To string }
				own := room.seatOf(conn.ID)
				if msg.Decode(&do) != nil || do.Op != "pass" || own < 0 || !room.Seats[own].Host || !room.has(do.To) {
					return act(conn, me, room, msg)
				}
				seats := slices.Clone(room.Seats)
				seats[own].Host = false
				out := change(me, seats, "passed")
				out.Publish = []core.Publication{core.To(do.To, news{"yours", do.To})} // wrong: it is not theirs yet
				return out
			}
			in.Deliver = func(conn core.Conn, me guest, room party, d core.Delivery) presenceOutcome {
				var n news
				own := room.seatOf(conn.ID)
				if d.Body.Decode(&n) != nil || n.What != "yours" || own < 0 {
					return notice(conn, me, room, d)
				}
				seats := slices.Clone(room.Seats)
				seats[own].Host = true
				return change(me, seats, "passed")
			}
		}),
		presence.bug(Bug{Name: "the host takes all with him", Check: "",
			What:    "Leave of the host deletes the room.",
			Reveals: "The host leaves, and is not the last one.",
		}, func(in *presenceApp) {
			in.Leave = func(conn core.Conn, me guest, room party) presenceOutcome {
				if own := room.seatOf(conn.ID); own >= 0 && room.Seats[own].Host {
					return presenceOutcome{Room: core.Delete[party]()} // wrong: the others are still members
				}
				return getUp(conn, me, room)
			}
		}),
		presence.bug(Bug{Name: "passed to nobody", Check: "panic",
			What:    "Passing the host's place on does not look whether the other one is there.",
			Reveals: "The other one has left meanwhile, or was never there.",
		}, func(in *presenceApp) {
			in.Receive = func(conn core.Conn, me guest, room party, msg core.Message) presenceOutcome {
				var do struct{ Op, To string }
				own, seats := room.seatOf(conn.ID), slices.Clone(room.Seats)
				if msg.Decode(&do) != nil || do.Op != "pass" || own < 0 || !seats[own].Host {
					return act(conn, me, room, msg)
				}
				seats[own].Host = false
				seats[room.seatOfUser(do.To)].Host = true // wrong: it may be -1
				return change(me, seats, "passed")
			}
		}),
	}
}

// rosterBugs are about what the clients are told.
func rosterBugs() []Bug {
	return []Bug{
		presence.bug(Bug{Name: "ready in place", Check: "mutation",
			What:    "Receive changes a seat in the slice that it was given.",
			Reveals: "Anybody is ready.",
		}, func(in *presenceApp) {
			in.Receive = func(conn core.Conn, me guest, room party, msg core.Message) presenceOutcome {
				var do struct{ Op string }
				own := room.seatOf(conn.ID)
				if msg.Decode(&do) != nil || do.Op != "ready" || own < 0 {
					return act(conn, me, room, msg)
				}
				room.Seats[own].Ready = !room.Seats[own].Ready // wrong: no Clone
				return change(me, room.Seats, "ready")
			}
		}),
		presence.bug(Bug{Name: "written back", Check: "dead-reference",
			What:    "Receive changes its seat in the copy of the room that the connection data has, and writes that back.",
			Reveals: "Somebody has joined or left, and its message is still under way: that is undone.",
		}, func(in *presenceApp) {
			in.Receive = func(conn core.Conn, me guest, _ party, msg core.Message) presenceOutcome {
				return act(conn, me, party{me.Shown}, msg) // wrong: the room is the other argument
			}
		}),
		presence.bug(Bug{Name: "left by name", Check: "",
			What:    "Deliver keeps the list by what the messages say: who has left is taken off it, whatever the room says.",
			Reveals: "One of two devices of a user leaves, or he has come back before his leaving is told.",
		}, func(in *presenceApp) {
			in.Deliver = func(conn core.Conn, me guest, room party, d core.Delivery) presenceOutcome {
				var n news
				if d.Body.Decode(&n) == nil && n.What == "left" {
					room.Seats = slices.DeleteFunc(slices.Clone(room.Seats), func(s seat) bool { return s.User == n.User }) // wrong: he may be there
				}
				return notice(conn, me, room, d)
			}
		}),
		presence.bug(Bug{Name: "resync does nothing", Check: "",
			What:    "Resync is there, so that the connection is not closed, and shows nothing.",
			Reveals: "A gap in the messages.",
		}, func(in *presenceApp) {
			in.Resync = func(core.Conn, guest, party) (none presenceOutcome) { return none } // wrong: the client has missed something
		}),
		presence.bug(Bug{Name: "own echo", Check: "",
			What:    "Deliver drops what the own user did, to spare the sender its echo.",
			Reveals: "A user has two devices: the other one never hears of it. est spares the sender already.",
		}, func(in *presenceApp) {
			in.Deliver = func(conn core.Conn, me guest, room party, d core.Delivery) presenceOutcome {
				var n news
				if d.Body.Decode(&n) == nil && n.User == me.User { // wrong: a user is not a connection
					return presenceOutcome{}
				}
				return notice(conn, me, room, d)
			}
		}),
		presence.bug(Bug{Name: "sorted in place", Check: "mutation",
			What:    "Deliver sorts the seats before it shows them, in the room that all who are told share.",
			Reveals: "One who comes later is earlier in the alphabet.",
		}, func(in *presenceApp) {
			in.Deliver = func(conn core.Conn, me guest, room party, d core.Delivery) presenceOutcome {
				slices.SortStableFunc(room.Seats, func(a, b seat) int { return cmp.Compare(a.User, b.User) }) // wrong: no Clone
				return notice(conn, me, room, d)
			}
		}),
		presence.bug(Bug{Name: "waves at a clock", Check: "purity",
			What:    "A wave carries the time of time.Now, and not of conn.Now.",
			Reveals: "Anybody waves.",
		}, func(in *presenceApp) {
			in.Receive = func(conn core.Conn, me guest, room party, msg core.Message) presenceOutcome {
				out := act(conn, me, room, msg)
				if out.Room.Op == core.Keep && len(out.Publish) > 0 {
					out.Publish = []core.Publication{core.ToAll(news{"wave", time.Now().String()})} // wrong: another time on each try
				}
				return out
			}
		}),
		presence.bug(Bug{Name: "waves to nobody", Check: "outcome",
			What:    "A wave to all is sent with To and an empty name.",
			Reveals: "Anybody waves to all.",
		}, func(in *presenceApp) {
			in.Receive = func(conn core.Conn, me guest, room party, msg core.Message) presenceOutcome {
				var do struct{ Op, To string }
				if msg.Decode(&do) != nil || do.Op != "wave" {
					return act(conn, me, room, msg)
				}
				return presenceOutcome{Publish: []core.Publication{core.To(do.To, news{"wave", me.User})}} // wrong: ToAll if do.To is ""
			}
		}),
		presence.bug(Bug{Name: "waves back", Check: "quiescence",
			What:    "Deliver answers a wave with a wave.",
			Reveals: "Two who wave.",
		}, func(in *presenceApp) {
			in.Deliver = func(conn core.Conn, me guest, room party, d core.Delivery) presenceOutcome {
				out := notice(conn, me, room, d)
				var n news
				if d.Body.Decode(&n) == nil && n.What == "wave" && n.User != me.User {
					out.Publish = []core.Publication{core.To(n.User, news{"wave", me.User})} // wrong: that is answered, too
				}
				return out
			}
		}),
	}
}
