package consult_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
	"github.com/spinneyio/est/examples/consult/consult"
)

// Two want one seat, and one of them comes with two devices.
var people = []hello{
	{"secret", "dana", "k", "dietitian"},
	{"secret", "carl", "k", "client"},
	{"secret", "dana", "k", "dietitian"},
	{"secret", "chloe", "k", "client"},
}

var model = esttest.Model[consult.Data, consult.Room]{
	Client: func(c esttest.ClientView) *rapid.Generator[any] {
		if c.Sent() > 0 {
			return rapid.Just[any](text{fmt.Sprint("m", c.Sent()), "hi"})
		}
		me := people[c.Index()%len(people)]
		elsewhere, stranger := me, me
		elsewhere.Room, stranger.Auth = "l", "wrong"
		return rapid.SampledFrom([]any{me, me, me, elsewhere, stranger})
	},
	Eventually: func(w *esttest.World[consult.Data, consult.Room]) error {
		rooms := w.Rooms()
		for _, c := range w.Clients() {
			if !c.Open() || !c.Joined() {
				continue
			}
			seat := rooms[c.Room()].Client
			if c.Data().Role == consult.Dietitian {
				seat = rooms[c.Room()].Dietitian
			}
			if seat == nil || seat.Conn != c.ID() {
				return fmt.Errorf("%s is connected as %s of %q and doesn't have the seat: %v", c.Data().User, c.Data().Role, c.Room(), seat)
			}
		}
		return nil
	},
	Sometimes: map[string]func(*esttest.World[consult.Data, consult.Room]) bool{
		"both seats are taken": func(w *esttest.World[consult.Data, consult.Room]) bool {
			room := w.Rooms()["k"]
			return room.Dietitian != nil && room.Client != nil
		},
	},
}

func TestIntegration(t *testing.T) {
	esttest.Check(t, consult.Integration, model, nil)
}
