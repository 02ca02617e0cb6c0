package zoo

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
)

type lobbyWorld = esttest.World[player, table]

var lobby = func() species[player, table] {
	plain := esttest.Model[player, table]{
		Client: playInLobby,
		Sometimes: map[string]func(*lobbyWorld) bool{
			"both tables are taken":   func(w *lobbyWorld) bool { return len(w.Rooms()) > 1 },
			"a connection is trumped": func(w *lobbyWorld) bool { return slices.ContainsFunc(w.Clients(), isTrumped) },
		},
	}
	strict := plain
	strict.Always, strict.Eventually = fairlyDealt, allSeated
	return species[player, table]{lobbyIntegration(), plain, strict}
}()

func playInLobby(c esttest.ClientView) *rapid.Generator[any] {
	if c.Sent() == 0 {
		return rapid.Custom(func(t *rapid.T) any {
			return map[string]string{"user": userOf(c), "table": tables.Draw(t, "table")}
		})
	}
	return rapid.Custom(func(t *rapid.T) any {
		if rapid.Bool().Draw(t, "deal") {
			return map[string]bool{"deal": true}
		}
		return map[string]string{"go": tables.Draw(t, "table")}
	})
}

var tables = rapid.SampledFrom([]string{"t1", "t2", "T1", "t1", ""})

func isTrumped(c esttest.WorldClient[player]) bool {
	for _, m := range c.Received() {
		var s say
		if m.Decode(&s) == nil && s.ID == "trump" {
			return true
		}
	}
	return false
}

// fairlyDealt: the dealer of a table sits there, and nobody is trumped who has
// the seat.
func fairlyDealt(w *lobbyWorld) error {
	rooms := w.Rooms()
	for key, r := range rooms {
		if !slices.Contains(slices.Collect(maps.Values(r.Players)), r.Dealer) {
			return fmt.Errorf("the dealer of %s does not sit there: %v", key, r)
		}
	}
	for _, c := range w.Clients() {
		if c.Joined() && rooms[c.Room()].Players[c.Data().User] == c.ID() && isTrumped(c) {
			return fmt.Errorf("%s has the seat of %s, and is told that it lost it", c.ID(), c.Data().User)
		}
	}
	return nil
}

// allSeated: who is there has the seat of its user.
func allSeated(w *lobbyWorld) error {
	rooms := w.Rooms()
	for _, c := range w.Clients() {
		if c.Joined() && c.Open() && rooms[c.Room()].Players[c.Data().User] != c.ID() {
			return fmt.Errorf("%s is at %s, and %v has the seat of %s", c.ID(), c.Room(), rooms[c.Room()].Players[c.Data().User], c.Data().User)
		}
	}
	return nil
}
