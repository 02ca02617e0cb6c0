package consult_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
	"github.com/spinneyio/est/examples/consult/consult"
)

var model = esttest.Model[consult.Data, consult.Room]{
	Client: func(c esttest.ClientView) *rapid.Generator[any] {
		if c.Sent() == 0 {
			role, user := "dietitian", "dana"
			if c.Index()%2 == 1 {
				role, user = "client", "carl"
			}
			return rapid.Just[any](map[string]string{"auth": "secret", "user": user, "room": "k", "role": role})
		}
		return rapid.Just[any](map[string]any{"id": c.Sent(), "text": "hi"})
	},
}

func TestExplore(t *testing.T) {
	rep := esttest.Explore(consult.Integration, model, &esttest.Options{Time: 3 * time.Second})
	fmt.Println(rep.Stats.String())
	fmt.Println(rep.Gaps)
	if f := rep.Failure; f != nil {
		fmt.Println(f.Check, f.Message, f.Diff, f.Schedule, f.Seed, f.Found, f.Runs)
		for _, s := range f.Steps {
			fmt.Println(s)
		}
	}
}
