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
	report := esttest.Explore(buggy.Chat, model, &esttest.Options{Clients: 2, Seed: 1})
	fmt.Println(report.Failure.History)
	// Output:
}
