package esttest_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

// A room with a counter and who is in it: what a decision costs, with JSON and all
// checks on.
func BenchmarkExplore(b *testing.B) {
	b.ReportAllocs()
	rep := esttest.Explore(counter, counterModel, &esttest.Options{Runs: max(9, b.N/80), Seed: 1})
	if rep.Failure != nil {
		b.Fatal(rep.Failure.Message)
	}
	b.ReportMetric(rep.Stats.Rate(), "decisions/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rep.Stats.Steps), "ns/decision")
}

type counted struct {
	N    int
	Here []core.ConnID
}

var counter = core.Integration[string, counted]{
	Name: "counter",
	Authenticate: func(_ core.Conn, hello core.Message) (room string, f *core.Failure) {
		if hello.Decode(&room) != nil || room == "" {
			return "", &core.Failure{Code: 1}
		}
		return room, nil
	},
	Identity: func(c core.Conn, _ string) string { return string(c.ID) },
	Room:     func(_ core.Conn, room string) string { return room },
	Join: func(c core.Conn, _ string, r counted) core.Outcome[string, counted] {
		here := append([]core.ConnID{c.ID}, r.Here...)
		return core.Outcome[string, counted]{Room: core.Put(counted{r.N, here}), Reply: r.N}
	},
	Receive: func(_ core.Conn, _ string, r counted, _ core.Message) core.Outcome[string, counted] {
		return core.Outcome[string, counted]{
			Room: core.Put(counted{r.N + 1, r.Here}), Reply: r.N + 1, Publish: []core.Publication{core.ToAll(r.N + 1)},
		}
	},
	Leave: func(c core.Conn, _ string, r counted) core.Outcome[string, counted] {
		var rest []core.ConnID
		for _, id := range r.Here {
			if id != c.ID {
				rest = append(rest, id)
			}
		}
		if rest == nil {
			return core.Outcome[string, counted]{Room: core.Delete[counted]()}
		}
		return core.Outcome[string, counted]{Room: core.Put(counted{r.N, rest})}
	},
}

var counterModel = esttest.Model[string, counted]{
	Client: func(c esttest.ClientView) *rapid.Generator[any] {
		if c.Sent() == 0 {
			return rapid.SampledFrom([]any{"a", "b"})
		}
		return rapid.Just[any](1)
	},
}
