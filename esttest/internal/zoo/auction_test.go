package zoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestAuction(t *testing.T) {
	in := auctionIntegration()
	me := bidder{"bob", "vase"}
	room := sale{Round: 1, Price: 5, Leader: "ann", Mailed: 3}
	bid := func(msg string) auctionOutcome { return in.Receive(core.Conn{}, me, room, core.Message(msg)) }
	taken := func(price int, after sale) auctionOutcome {
		return auctionOutcome{
			Room:    core.Put(after),
			Reply:   quote{"taken", 1, price, "bob"},
			Publish: []core.Publication{core.ToAll(quote{"price", 1, price, "bob"})},
			Perform: []any{mail{"bob", 1, price}},
		}
	}
	answer := func(p core.Performed) auctionOutcome { return in.Performed(core.Conn{}, me, room, p) }

	for _, tt := range []struct {
		name      string
		got, want auctionOutcome
	}{
		{"join", in.Join(core.Conn{}, me, room), auctionOutcome{Reply: quote{"welcome", 1, 5, "ann"}}},
		{"enough", bid(`{"bid":6}`), taken(6, sale{1, 6, "bob", 3})},
		{"not enough", bid(`{"bid":5}`), auctionOutcome{Reply: quote{"tooLow", 1, 5, "ann"}}},
		{"the hammer", bid(`{"bid":20}`), taken(20, sale{2, 0, "", 3})},
		{"more than that", bid(`{"bid":21}`), auctionOutcome{Fail: complaint("not a bid")}},
		{"how much is it?", bid(`{}`), auctionOutcome{Reply: quote{"price", 1, 5, "ann"}}},
		{"nonsense", bid(`"a lot"`), auctionOutcome{Fail: complaint("not a bid")}},
		{"mailed", answer(core.Performed{Effect: mail{"bob", 0, 9}}), auctionOutcome{
			Room: core.Put(sale{1, 5, "ann", 4}), Reply: quote{"mailed", 0, 9, "bob"}}},
		{"not mailed", answer(core.Performed{Effect: mail{"bob", 0, 9}, Failed: "no"}), auctionOutcome{Reply: quote{"notMailed", 0, 9, "bob"}}},
		{"leave", in.Leave(core.Conn{}, bidder{"ann", "vase"}, room), auctionOutcome{}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
