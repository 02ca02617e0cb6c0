package zoo

import (
	"github.com/spinneyio/est/core"
)

// bidder is the connection data of auction.
type bidder struct {
	User string `json:"user"`
	Lot  string `json:"lot"`
}

// sale is the room state of auction. It outlives the bidders. What is sold begins
// a new round.
type sale struct {
	Round  int    `json:"round"`
	Price  int    `json:"price"`
	Leader string `json:"leader"`
	Mailed int    `json:"mailed"` // mails that were confirmed, over all rounds
}

// mail is the side effect of a bid: its bidder gets one mail.
type mail struct {
	To    string `json:"to"`
	Round int    `json:"round"`
	Price int    `json:"price"`
}

// quote is where a sale stands.
type quote struct {
	ID     string `json:"id"` // welcome, price, taken, tooLow, mailed, notMailed
	Round  int    `json:"round"`
	Price  int    `json:"price"`
	Leader string `json:"leader"`
}

type (
	auctionApp     = core.Integration[bidder, sale]
	auctionOutcome = core.Outcome[bidder, sale]
)

func auctionIntegration() auctionApp {
	return auctionApp{
		Name:         "auction",
		Authenticate: register,
		Identity:     func(_ core.Conn, me bidder) string { return me.User },
		Room:         func(_ core.Conn, me bidder) string { return me.Lot },
		Join: func(_ core.Conn, _ bidder, room sale) auctionOutcome {
			return auctionOutcome{Reply: room.quote("welcome")}
		},
		Receive:   bid,
		Leave:     func(core.Conn, bidder, sale) (none auctionOutcome) { return none },
		Performed: confirm,
	}
}

func register(_ core.Conn, hello core.Message) (bidder, *core.Failure) {
	var me bidder
	if hello.Decode(&me) != nil || me.User == "" || me.Lot == "" {
		return bidder{}, refusal("user and lot, please")
	}
	return me, nil
}

// order is what a bidder sends: a bid, or {"bid":0} to hear the price.
type order struct {
	Bid int `json:"bid"`
}

// hammer is the bid that ends a round.
const hammer = 20

func bid(_ core.Conn, me bidder, room sale, msg core.Message) auctionOutcome {
	var o order
	if msg.Decode(&o) != nil || o.Bid < 0 || o.Bid > hammer {
		return auctionOutcome{Fail: complaint("not a bid")}
	}
	switch {
	case o.Bid == 0:
		return auctionOutcome{Reply: room.quote("price")}
	case o.Bid <= room.Price:
		return auctionOutcome{Reply: room.quote("tooLow")}
	}
	room.Price, room.Leader = o.Bid, me.User
	out := auctionOutcome{
		Reply:   room.quote("taken"),
		Publish: []core.Publication{core.ToAll(room.quote("price"))},
		Perform: []any{mail{me.User, room.Round, o.Bid}},
	}
	if o.Bid == hammer {
		room.Round, room.Price, room.Leader = room.Round+1, 0, ""
	}
	out.Room = core.Put(room)
	return out
}

// confirm tells the bidder what became of the mail, and counts it if it was sent.
func confirm(_ core.Conn, _ bidder, room sale, p core.Performed) auctionOutcome {
	m, ok := p.Effect.(mail)
	if !ok {
		return auctionOutcome{}
	}
	if p.Failed != "" {
		return auctionOutcome{Reply: quote{"notMailed", m.Round, m.Price, m.To}}
	}
	room.Mailed++
	return auctionOutcome{Room: core.Put(room), Reply: quote{"mailed", m.Round, m.Price, m.To}}
}

func (s sale) quote(id string) quote { return quote{id, s.Round, s.Price, s.Leader} }
