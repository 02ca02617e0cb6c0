package zoo

import (
	"math/rand/v2"

	"github.com/spinneyio/est/core"
)

// auctionBugs are about bids that are decided again, and about their mails.
func auctionBugs() []Bug {
	return []Bug{
		auction.bug(Bug{Name: "the client knows the price", Check: "",
			What:    "A bid is taken without a look at the price: the client has seen to it that it is enough.",
			Reveals: "Two bid at the same time.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				room.Price = 0 // wrong: what the client has seen was then
				return bid(conn, me, room, msg)
			}
		}),
		auction.bug(Bug{Name: "retried is done", Check: "",
			What:    "A bid that is retried is taken for one that was handled before, and only the reply is sent again.",
			Reveals: "Two bid at the same time: who loses the compare-and-swap is told that he won.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				out := bid(conn, me, room, msg)
				if conn.Retried {
					return auctionOutcome{Reply: out.Reply, Fail: out.Fail} // wrong: nothing of the first try has happened
				}
				return out
			}
		}),
		auction.bug(Bug{Name: "retried is mailed again", Check: "",
			What:    "A bid that is retried asks for a second mail, to make up for the first try.",
			Reveals: "Two bid at the same time.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				out := bid(conn, me, room, msg)
				if conn.Retried {
					out.Perform = append(out.Perform, out.Perform...) // wrong: nothing was performed
				}
				return out
			}
		}),
		auction.bug(Bug{Name: "asking mails", Check: "",
			What:    "Asking for the price mails the leader once more.",
			Reveals: "Anybody asks.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				out := bid(conn, me, room, msg)
				if q, ok := out.Reply.(quote); ok && q.Leader != "" {
					out.Perform = []any{mail{q.Leader, q.Round, q.Price}} // wrong: only if q is "taken"
				}
				return out
			}
		}),
		auction.bug(Bug{Name: "counted at both ends", Check: "",
			What:    "A mail is counted when it is asked for, and again when it is confirmed.",
			Reveals: "Any bid.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				out := bid(conn, me, room, msg)
				out.Room.Value.Mailed += len(out.Perform) // wrong: confirm counts it
				return out
			}
		}),
		auction.bug(Bug{Name: "mails for ever", Check: "quiescence",
			What:    "Performed asks for the mail again if it was sent, and not if it failed.",
			Reveals: "Any bid.",
		}, func(in *auctionApp) {
			in.Performed = func(conn core.Conn, me bidder, room sale, p core.Performed) auctionOutcome {
				out := confirm(conn, me, room, p)
				if p.Failed == "" { // wrong: the other way round
					out.Perform = []any{p.Effect}
				}
				return out
			}
		}),
		auction.bug(Bug{Name: "it always works", Check: "panic",
			What:    "Performed reads the result without a look at Failed.",
			Reveals: "A side effect fails: there is no result.",
		}, func(in *auctionApp) {
			in.Performed = func(conn core.Conn, me bidder, room sale, p core.Performed) auctionOutcome {
				var sent *struct{ Number int }
				_ = p.Result.Decode(&sent) // wrong: there is nothing to decode if p.Failed says why
				if sent.Number == 0 {
					return auctionOutcome{}
				}
				return confirm(conn, me, room, p)
			}
		}),
		auction.bug(Bug{Name: "a mail that is a func", Check: "effects",
			What:    "A side effect is a closure, and not data.",
			Reveals: "Any bid: what can't be compared can't be recorded either.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				out := bid(conn, me, room, msg)
				for i, m := range out.Perform {
					out.Perform[i] = func() any { return m } // wrong: the driver is told what, and does it
				}
				return out
			}
		}),
		auction.bug(Bug{Name: "tossed", Check: "purity",
			What:    "A bid as high as the price is taken or not by the toss of a coin.",
			Reveals: "Two bid the same.",
		}, func(in *auctionApp) {
			in.Receive = func(conn core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
				var o order
				if msg.Decode(&o) == nil && o.Bid > 0 && o.Bid == room.Price && rand.IntN(2) == 0 { // wrong: another one on each try
					room.Price--
				}
				return bid(conn, me, room, msg)
			}
		}),
		auction.bug(Bug{Name: "the leader takes it with him", Check: "",
			What:    "Leave of the leader deletes the sale, with its round.",
			Reveals: "The leader leaves, and another one bids as he did: that bid was taken and mailed before.",
		}, func(in *auctionApp) {
			in.Leave = func(_ core.Conn, me bidder, room sale) auctionOutcome {
				if room.Leader != me.User {
					return auctionOutcome{}
				}
				return auctionOutcome{Room: core.Delete[sale]()} // wrong: it outlives the bidders
			}
		}),
	}
}
