package zoo

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

// sum is the room state of tally, which outlives whoever adds to it.
type sum struct {
	Sum   int `json:"sum"`
	Count int `json:"count"`
}

// addition is what a client sends.
type addition struct {
	Add int `json:"add"`
}

// counter adds up what everybody in a room sends, in whatever an R is.
func counter[R any](add func(room R, n int) R) core.Integration[string, R] {
	none := func(core.Conn, string, R) (none core.Outcome[string, R]) { return none }
	return core.Integration[string, R]{
		Name: "tally",
		Authenticate: func(_ core.Conn, hello core.Message) (room string, _ *core.Failure) {
			if hello.Decode(&room) != nil || room == "" {
				return "", refusal("a room, please")
			}
			return room, nil
		},
		Identity: func(core.Conn, string) string { return "" },
		Room:     func(_ core.Conn, room string) string { return room },
		Join:     none,
		Receive: func(_ core.Conn, _ string, room R, msg core.Message) core.Outcome[string, R] {
			var term addition
			if msg.Decode(&term) != nil {
				return core.Outcome[string, R]{Fail: complaint("not a term")}
			}
			next := add(room, term.Add)
			return core.Outcome[string, R]{Room: core.Put(next), Reply: next, Publish: []core.Publication{core.ToAll(next)}}
		},
		Leave: none,
		Resync: func(_ core.Conn, _ string, room R) core.Outcome[string, R] {
			return core.Outcome[string, R]{Reply: room}
		},
	}
}

var tally = func() species[string, sum] {
	strict := tallyModel[sum]()
	strict.Always = exactSums
	return species[string, sum]{
		in:     counter(func(s sum, n int) sum { return sum{s.Sum + n, s.Count + 1} }),
		plain:  tallyModel[sum](),
		strict: strict,
	}
}()

func tallyModel[R any]() esttest.Model[string, R] {
	return esttest.Model[string, R]{Client: func(c esttest.ClientView) *rapid.Generator[any] {
		if c.Sent() == 0 {
			return rapid.Just[any]("k")
		}
		return rapid.Map(rapid.IntRange(0, 1), func(n int) any { return addition{n} })
	}}
}

// exactSums: there was an addition for each 1.
func exactSums(w *esttest.World[string, sum]) error {
	for key, s := range w.Rooms() {
		if s.Sum > s.Count {
			return fmt.Errorf("%s is %d after %d additions of 0 or 1", key, s.Sum, s.Count)
		}
	}
	return nil
}
