package buggy_test

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
	"github.com/spinneyio/est/examples/buggy"
)

// What a client of the chat does: it says hello, and then it talks. In a test of
// your own this is all that there is to write, with Check instead of Explore:
//
//	func TestChat(t *testing.T) { esttest.Check(t, buggy.Chat, model, nil) }
var model = esttest.Model[buggy.Hello, buggy.Room]{
	Client: func(c esttest.ClientView) *rapid.Generator[any] {
		if c.Sent() == 0 {
			return rapid.Just[any](buggy.Hello{User: []string{"ann", "bob"}[c.Index()], Room: "tea"})
		}
		return rapid.SampledFrom([]any{"hi", "how are you?"})
	},
}

// Nothing in the model says that somebody who is connected must be online: esttest
// has seen that it always is so while nothing happens at the same time.
func Example() {
	report := esttest.Explore(buggy.Chat, model, &esttest.Options{Clients: 2, Seed: 1, Runs: 1000})
	fmt.Println(report.Failure.History)
	// Output:
	// lost-member: c1.2 is a member of "tea" and connected, all is quiet, and the state doesn't have its identity "ann", as it always does without concurrency and faults: (absent)
	//   A room state doesn't have a member that is connected, after everything has settled, though in runs without concurrency it always has all members.
	//   found in run 13 (weighted, seed 1): 60 decisions; the shortest history has 5, after 672 replays
	//
	//        c1     i1     i2   broker
	//    1   ├──────┼─────▶│      │     connect as c1
	//    2   ├──────┼─────▶│      │     {"user":"ann","room":"tea"}
	//    3   ├──────┼─────▶│      │     close
	//    4   ├─────▶│      │      │     connect as c1.2
	//    5   ├─────▶│      │      │     {"user":"ann","room":"tea"}
	//   ··   │      │      │      │     the faults end, and everything settles
	//        │      ├──────┼─────▶│     subscribe
	//        │      │◀─────┼──────┤     subscribed
	//        │      ├──────┼─────▶│     load
	//        │      │◀─────┼──────┤     no state, version none
	//        │      ├──────┼─────▶│     commit on version none: Join c1.2 → {"online"…":true}}; to all "ann is here"
	//        │      │◀─────┼──────┤     committed: version i1-1
	//        │◀─────┤      │      │     {"online":{"ann":true}}
	//        │      │◀─────┼──────┤     message 1 to all "ann is here"
	//        │      │      ├─────▶│     subscribe
	//        │      │      │◀─────┤     subscribed
	//        │      │      ├─────▶│     load
	//        │      │      │◀─────┤     {"online":{"ann":true}}, version i1-1
	//        │      │      ├─────▶│     commit on version i1-1: Join c1, Leave c1 → delete; to all "ann is here"
	//        │      │      │◀─────┤     committed: version i2-1
	//        │      │◀─────┼──────┤     message 2 to all "ann is here"
	//        │◀─────┤      │      │     "ann is here"
	//               │      ├─────▶│     unsubscribe
	//               │      │◀─────┤     unsubscribed
	//    ✗          │      │      │     lost-member
	//
	//   faults: none; needed: each step
}
