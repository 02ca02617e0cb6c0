package zoo

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spinneyio/est/core"
)

// lobbyBugs are about seats that are taken over, about moving, and about maps.
func lobbyBugs() []Bug {
	return slices.Concat(takenBugs(), movedBugs(), mapBugs())
}

// takenBugs are about seats that are taken over.
func takenBugs() []Bug {
	return []Bug{
		lobby.bug(Bug{Name: "whoever has the seat", Check: "",
			What:    "Leave gives the seat of the user back, also if a newer connection has taken it.",
			Reveals: "The older of two connections of a user leaves: the newer one has no seat.",
		}, func(in *lobbyApp) {
			in.Leave = func(conn core.Conn, me player, room table) lobbyOutcome {
				if holder, ok := room.Players[me.User]; ok {
					conn.ID = holder // wrong: it is not for this connection to give back
				}
				return stand(conn, me, room)
			}
		}),
		lobby.bug(Bug{Name: "addressed by connection", Check: "",
			What:    "The identity is the connection's id, so that nothing that is published to a user reaches anybody.",
			Reveals: "A user comes again: the older connection does not learn that it has lost its seat.",
		}, func(in *lobbyApp) {
			in.Identity = func(conn core.Conn, _ player) string { return string(conn.ID) } // wrong: To names users
		}),
		lobby.bug(Bug{Name: "the dealer has left", Check: "dead-reference",
			What:    "Leave of the dealer makes nobody dealer.",
			Reveals: "The dealer leaves, and is not the last one.",
		}, func(in *lobbyApp) {
			in.Leave = func(conn core.Conn, me player, room table) lobbyOutcome {
				out := stand(conn, me, room)
				if out.Room.Op == core.OpPut {
					out.Room.Value.Dealer = room.Dealer // wrong: it may be this one
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "the older one deals", Check: "dead-reference",
			What:    "A newer connection takes the seat of the dealer, and the older one remains the dealer.",
			Reveals: "The dealer comes again, and the older connection leaves.",
		}, func(in *lobbyApp) {
			in.Join = func(conn core.Conn, me player, room table) lobbyOutcome {
				out := sit(conn, me, room)
				if room.Dealer != "" {
					out.Room.Value.Dealer = room.Dealer // wrong: what was his is this one's now
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "freed before it is looked at", Check: "panic",
			What:    "Leave marks the seat as free before it looks whose it is, and writes into a nil map.",
			Reveals: "The newer connection of a user leaves first, and deletes the room.",
		}, func(in *lobbyApp) {
			in.Leave = func(conn core.Conn, me player, room table) lobbyOutcome {
				if me.Table == "" {
					return lobbyOutcome{}
				}
				players := maps.Clone(room.Players)
				holder := players[me.User]
				players[me.User] = "" // wrong: there may be no room any more
				if holder != conn.ID {
					return lobbyOutcome{}
				}
				return stand(conn, me, room)
			}
		}),
	}
}

// movedBugs are about who is where.
func movedBugs() []Bug {
	return []Bug{
		lobby.bug(Bug{Name: "moves out by itself", Check: "clean-up",
			What:    "Receive gives the seat back before the move, so that Leave, which deletes the room, finds none.",
			Reveals: "The last one at a table moves on.",
		}, func(in *lobbyApp) {
			in.Receive = func(conn core.Conn, me player, room table, msg core.Message) lobbyOutcome {
				out := play(conn, me, room, msg)
				if out.Data.Op == core.OpPut && me.Table != "" && out.Data.Value.Table != me.Table {
					players := maps.Clone(room.Players)
					delete(players, me.User)
					out.Room = core.Put(table{Players: players}) // wrong: Leave does it, and does more
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "goodbye to nobody", Check: "outcome",
			What:    "Receive publishes that somebody moves on, wherever he is.",
			Reveals: "He is at no table: there is no room to publish in.",
		}, func(in *lobbyApp) {
			in.Receive = func(conn core.Conn, me player, room table, msg core.Message) lobbyOutcome {
				out := play(conn, me, room, msg)
				if out.Data.Op == core.OpPut {
					out.Publish = []core.Publication{core.ToAll(say{ID: "bye", User: me.User})} // wrong: me.Table may be ""
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "corrected on the way in", Check: "outcome",
			What:    "Join writes the name of the table in lower case, when the connection is in the room of the other name.",
			Reveals: "Somebody says T1.",
		}, func(in *lobbyApp) {
			in.Authenticate = func(conn core.Conn, hello core.Message) (player, *core.Failure) {
				me, fail := enter(conn, hello)
				var typed player
				if fail == nil && hello.Decode(&typed) == nil {
					me.Table = typed.Table
				}
				return me, fail
			}
			in.Join = func(conn core.Conn, me player, room table) lobbyOutcome {
				me.Table = strings.ToLower(me.Table)
				out := sit(conn, me, room)
				out.Data = core.Put(me) // wrong: that is another room
				return out
			}
		}),
		lobby.bug(Bug{Name: "a table a minute", Check: "outcome",
			What:    "The room of a table has the minute in its name.",
			Reveals: "A minute goes by between a move and its Join, which is to another room then.",
		}, func(in *lobbyApp) {
			in.Room = func(conn core.Conn, me player) string {
				if me.Table == "" {
					return ""
				}
				return fmt.Sprintf("%s at %s", me.Table, conn.Now.Format("15:04")) // wrong: it follows from the data, and lasts as long
			}
		}),
		lobby.bug(Bug{Name: "any table", Check: "purity",
			What:    "The room of a table is one of two, by chance.",
			Reveals: "Anybody comes.",
		}, func(in *lobbyApp) {
			in.Room = func(_ core.Conn, me player) string {
				if me.Table == "" {
					return ""
				}
				return fmt.Sprint(me.Table, rand.IntN(2)) // wrong: each call is another throw
			}
		}),
		lobby.bug(Bug{Name: "guests are numbered", Check: "purity",
			What:    "Authenticate numbers the users with a variable.",
			Reveals: "Anybody comes.",
		}, func(in *lobbyApp) {
			n := 0
			in.Authenticate = func(conn core.Conn, hello core.Message) (player, *core.Failure) {
				me, fail := enter(conn, hello)
				n++ // wrong: each instance counts for itself
				me.User = fmt.Sprint(me.User, n)
				return me, fail
			}
		}),
	}
}

// mapBugs are about maps.
func mapBugs() []Bug {
	return []Bug{
		lobby.bug(Bug{Name: "listed as they come", Check: "purity",
			What:    "The list of the users is in the order of the map.",
			Reveals: "Two at one table.",
		}, func(in *lobbyApp) {
			in.Join = func(conn core.Conn, me player, room table) lobbyOutcome {
				out := sit(conn, me, room)
				if out.Room.Op == core.OpPut {
					users := slices.Collect(maps.Keys(out.Room.Value.Players)) // wrong: slices.Sorted
					out.Reply = say{ID: "seated", Table: me.Table, Users: users}
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "the first in the map deals", Check: "purity",
			What:    "The next dealer is the first that ranging over the map comes to.",
			Reveals: "The dealer leaves two others.",
		}, func(in *lobbyApp) {
			in.Leave = func(conn core.Conn, me player, room table) lobbyOutcome {
				out := stand(conn, me, room)
				if out.Room.Op == core.OpPut && room.Dealer == conn.ID {
					for _, id := range out.Room.Value.Players {
						out.Room.Value.Dealer = id // wrong: which one is it?
						break
					}
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "taken off in place", Check: "mutation",
			What:    "Leave deletes from the map that it was given.",
			Reveals: "Anybody leaves a table.",
		}, func(in *lobbyApp) {
			in.Leave = func(conn core.Conn, me player, room table) lobbyOutcome {
				out := stand(conn, me, room)
				if out.Room.Op != core.Keep {
					delete(room.Players, me.User) // wrong: maps.Clone first
				}
				return out
			}
		}),
		lobby.bug(Bug{Name: "the table as it was", Check: "purity",
			What:    "Join keeps the tables that it knows in a map of its own.",
			Reveals: "A second one comes, on any instance.",
		}, func(in *lobbyApp) {
			known := map[string]table{}
			in.Join = func(conn core.Conn, me player, room table) lobbyOutcome {
				if was, ok := known[me.Table]; ok {
					room = was // wrong: others have changed it
				}
				out := sit(conn, me, room)
				if out.Room.Op == core.OpPut {
					known[me.Table] = out.Room.Value
				}
				return out
			}
		}),
	}
}
