package instance_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport/pipe"
)

// What a client sends is answered in order, none lost and none twice, also while
// it goes from room to room and to the lobby, and others go the other way.
func TestOrderThroughRooms(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		bubble(t, func(w *world) {
			const messages = 100
			w.in.Join = func(core.Conn, who, tally) outcome { return outcome{} }
			i := w.instance(&instance.Options{Inbound: 1 + round%9, Batch: 1 + round%7})
			random := rand.New(rand.NewPCG(1, uint64(round)))
			var all sync.WaitGroup
			var clients []*client
			for n := range 3 {
				c := w.dial(i, &pipe.Options{Buffer: 1 + random.IntN(8)})
				clients = append(clients, c)
				r := rand.New(rand.NewPCG(uint64(n), uint64(round)))
				all.Go(func() {
					c.send(who{"u", "a"})
					for k := range messages {
						x := wish{N: k}
						if r.IntN(2) == 0 {
							x.Go = new([]string{"a", "b", ""}[r.IntN(3)])
						}
						c.send(x)
					}
				})
				all.Go(func() {
					for k := range messages {
						m, err := c.next()
						var a answer
						if err != nil || core.Message(m).Decode(&a) != nil || a.N != k {
							t.Errorf("client %d received %s, %v; want the answer to %d", n, m, err, k)
							return
						}
					}
				})
			}
			all.Wait()
			for _, c := range clients {
				c.wantNothing()
			}
		})
	}
}

// The state that a client leaves behind in a room is the one that it finds there.
func TestMovesCarryState(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ann := w.join(i, "ann", "a")
		a, b, lobby := "a", "b", ""
		ann.send(wish{N: 1, Add: 3, Go: &b})
		ann.send(wish{N: 2, Add: 4, Go: &lobby})
		ann.send(wish{N: 3, Go: &a})
		ann.send(wish{N: 4, Add: 5})
		ann.want(reply(1, "a", 3), `"in b"`, reply(2, "b", 4), `"in "`, reply(3, "", 0), `"in a"`, reply(4, "a", 8))
		if m := fmt.Sprintf("%s/%s", w.members("a"), w.members("b")); m != "ann/" {
			w.Errorf("members: %s", m)
		}
	})
}
