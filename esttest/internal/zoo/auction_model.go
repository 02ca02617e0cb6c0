package zoo

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
)

type auctionWorld = esttest.World[bidder, sale]

var auction = func() species[bidder, sale] {
	plain := esttest.Model[bidder, sale]{
		Client:  bidAtAuction,
		Perform: func(done []any, _ any) (any, error) { return map[string]int{"number": len(done) + 1}, nil },
		Sometimes: map[string]func(*auctionWorld) bool{
			"something is sold": func(w *auctionWorld) bool { return w.Rooms()["vase"].Round > 0 },
			"a mail is sent":    func(w *auctionWorld) bool { return w.Rooms()["vase"].Mailed > 0 },
		},
	}
	strict := plain
	strict.Eventually = booksMatch
	return species[bidder, sale]{auctionIntegration(), plain, strict}
}()

// bidAtAuction bids more than the client has last heard, which may be too little.
func bidAtAuction(c esttest.ClientView) *rapid.Generator[any] {
	if c.Sent() == 0 {
		return rapid.Just[any](map[string]string{"user": userOf(c), "lot": "vase"})
	}
	var last quote
	if m, ok := c.Last(); !ok || m.Decode(&last) != nil {
		last = quote{}
	}
	return rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1:
			return order{} // what is the price?
		case 2:
			return "a lot"
		}
		more := rapid.SampledFrom([]int{1, 2, hammer, 5}).Draw(t, "more")
		return order{min(hammer, last.Price+more)}
	})
}

// booksMatch: no bid was mailed twice, no mail is counted that was not sent, and
// the sale knows of all bids that were taken.
func booksMatch(w *auctionWorld) error {
	sent := map[mail]bool{}
	for _, effect := range w.Performed() {
		m := effect.(mail)
		if sent[m] {
			return fmt.Errorf("mailed twice: %v", m)
		}
		sent[m] = true
	}
	room := w.Rooms()["vase"]
	if room.Mailed > len(sent) {
		return fmt.Errorf("%d mails are counted, and %d were sent", room.Mailed, len(sent))
	}
	taken := map[mail]string{} // without To: who was told so
	for _, c := range w.Clients() {
		for _, msg := range c.Received() {
			var q quote
			if msg.Decode(&q) != nil || q.ID != "taken" {
				continue
			}
			m := mail{Round: q.Round, Price: q.Price}
			if other, ok := taken[m]; ok {
				return fmt.Errorf("%s and %s were both told that they have it: %s", other, c.ID(), msg)
			}
			taken[m] = string(c.ID())
			if q.Round > room.Round || q.Round == room.Round && q.Price > room.Price {
				return fmt.Errorf("%s was told that its bid was taken, and the sale is at %v: %s", c.ID(), room, msg)
			}
		}
	}
	return nil
}
