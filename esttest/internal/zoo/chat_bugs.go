package zoo

import (
	"fmt"
	"slices"

	"github.com/spinneyio/est/core"
)

// chatBugs are about what is said, and about who has heard it.
func chatBugs() []Bug {
	return slices.Concat(saidBugs(), heardBugs())
}

// saidBugs are in Receive.
func saidBugs() []Bug {
	return []Bug{
		chat.bug(Bug{Name: "my next number", Check: "panic",
			What:    "A line gets the number after the last one that its writer has heard, and not after the last one of the room.",
			Reveals: "Two write at the same time: one number is given twice, and who has heard more asks for lines after the last one.",
		}, func(in *chatApp) {
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				out := write(conn, me, room, msg)
				if out.Room.Op == core.OpPut {
					next := out.Room.Value
					next.Last = me.Heard + 1 // wrong: room.Last + 1
					next.Lines[len(next.Lines)-1].N = next.Last
					out.Room = core.Put(next)
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "a counter of its own", Check: "purity",
			What:    "The numbers of the lines come from a variable.",
			Reveals: "Anybody says anything.",
		}, func(in *chatApp) {
			last := 0
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				last++ // wrong: so it does for each try, and on each instance by itself
				room.Last = last
				return write(conn, me, room, msg)
			}
		}),
		chat.bug(Bug{Name: "a counter that knows tries", Check: "determinism",
			What:    "A variable counts what is said, and takes care not to count the same event twice.",
			Reveals: "The same history again: each instance counts what it has seen since it was started.",
		}, func(in *chatApp) {
			var last core.Conn
			count := 0
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				if conn.ID != last.ID || !conn.Now.Equal(last.Now) {
					last = conn
					count++ // wrong: a function remembers
				}
				out := write(conn, me, room, msg)
				if out.Room.Op == core.OpPut {
					n := len(out.Room.Value.Lines) - 1
					out.Room.Value.Lines[n].Text = fmt.Sprintf("%d. thing said today", count)
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "lines kept outside", Check: "purity",
			What:    "The lines are collected in a variable, and the room is given all of it.",
			Reveals: "Anybody says anything: it is there once for each try.",
		}, func(in *chatApp) {
			var lines []line
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				out := write(conn, me, room, msg)
				if next := out.Room.Value; out.Room.Op == core.OpPut {
					lines = append(lines, next.Lines[len(next.Lines)-1]) // wrong: a function remembers
					out.Room.Value.Lines = slices.Clone(lines[max(0, len(lines)-kept):])
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "never forgets", Check: "growth",
			What:    "The history has no bound.",
			Reveals: "Much is said.",
		}, func(in *chatApp) {
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				out := write(conn, me, room, msg)
				if next := out.Room.Value; out.Room.Op == core.OpPut {
					out.Room.Value.Lines = append(slices.Clone(room.Lines), next.Lines[len(next.Lines)-1]) // wrong: nothing is cut off
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "done, and it failed", Check: "outcome",
			What:    "A message without sense gets a Reply and a Fail.",
			Reveals: "Somebody says nothing.",
		}, func(in *chatApp) {
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				out := write(conn, me, room, msg)
				if out.Fail != nil {
					out.Reply = page{ID: "read", Last: me.Heard, Unread: me.Unread} // wrong: one of them
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "data deleted", Check: "outcome",
			What:    "Reading deletes the connection data, to begin anew.",
			Reveals: "Anybody reads.",
		}, func(in *chatApp) {
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				out := write(conn, me, room, msg)
				if p, ok := out.Reply.(page); ok && p.ID == "read" {
					out.Data = core.Delete[reader]() // wrong: it lives as long as its connection
				}
				return out
			}
		}),
	}
}

// heardBugs are in what follows.
func heardBugs() []Bug {
	return []Bug{
		chat.bug(Bug{Name: "one more unread", Check: "",
			What:    "Deliver counts one unread line for each message, however many lines are new.",
			Reveals: "Two lines come before the first message: the state is newer than the message.",
		}, func(in *chatApp) {
			in.Deliver = func(conn core.Conn, me reader, room log, d core.Delivery) chatOutcome {
				out := hear(conn, me, room, d)
				if p, ok := out.Reply.(page); ok {
					p.Unread = me.Unread + 1 // wrong: room.Last - me.Heard
					out.Reply, out.Data.Value.Unread = p, p.Unread
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "unread twice", Check: "",
			What:    "Resync takes all lines for new, and counts them as unread again.",
			Reveals: "A gap in the messages.",
		}, func(in *chatApp) {
			in.Resync = func(_ core.Conn, me reader, room log) chatOutcome {
				me.Unread += len(room.Lines) // wrong: some of them were heard
				me.Heard = room.Last
				return chatOutcome{Data: core.Put(me), Reply: page{"news", room.Lines, room.Last, me.Unread}}
			}
		}),
		chat.bug(Bug{Name: "hears only itself", Check: "",
			What:    "Who says something gets only that back, and has then heard everything.",
			Reveals: "Somebody else has said something, and the message is still under way.",
		}, func(in *chatApp) {
			in.Receive = func(conn core.Conn, me reader, room log, msg core.Message) chatOutcome {
				out := write(conn, me, room, msg)
				if p, ok := out.Reply.(page); ok && p.ID == "said" {
					p.Lines = p.Lines[len(p.Lines)-1:] // wrong: the other new ones are never heard
					out.Reply = p
				}
				return out
			}
		}),
		chat.bug(Bug{Name: "the last line", Check: "",
			What:    "Deliver gives the client the last line of the room for each message.",
			Reveals: "Two lines come before the first message: the last one is heard twice, the other one never.",
		}, func(in *chatApp) {
			in.Deliver = func(conn core.Conn, me reader, room log, d core.Delivery) chatOutcome {
				var r rustle
				if d.Body.Decode(&r) != nil || r.Typing != "" {
					return hear(conn, me, room, d)
				}
				me.Heard = room.Last
				me.Unread++
				return chatOutcome{Data: core.Put(me), Reply: page{"news", room.Lines[len(room.Lines)-1:], room.Last, me.Unread}} // wrong: which line is it?
			}
		}),
		chat.bug(Bug{Name: "forgets what it heard", Check: "",
			What:    "Deliver does not put the connection data, so that the next message brings the same lines again.",
			Reveals: "Two lines, one after the other.",
		}, func(in *chatApp) {
			in.Deliver = func(conn core.Conn, me reader, room log, d core.Delivery) chatOutcome {
				out := hear(conn, me, room, d)
				return chatOutcome{Reply: out.Reply} // wrong: no Data
			}
		}),
		chat.bug(Bug{Name: "a message of my kind", Check: "panic",
			What:    "Deliver takes every message for one about a line.",
			Reveals: "Somebody is typing.",
		}, func(in *chatApp) {
			in.Deliver = func(conn core.Conn, me reader, room log, d core.Delivery) chatOutcome {
				var fields map[string]any
				if d.Body.Decode(&fields) == nil && int(fields["line"].(float64)) <= me.Heard { // wrong: it may have none
					return chatOutcome{}
				}
				return hear(conn, me, room, d)
			}
		}),
		chat.bug(Bug{Name: "the last one closes the book", Check: "panic",
			What:    "Leave deletes the history, in which the others know their place.",
			Reveals: "Somebody leaves, and the others talk on: the numbers begin again, and lines after the last one are asked for.",
		}, func(in *chatApp) {
			in.Leave = func(core.Conn, reader, log) chatOutcome {
				return chatOutcome{Room: core.Delete[log]()} // wrong: without looking who is there
			}
		}),
	}
}
