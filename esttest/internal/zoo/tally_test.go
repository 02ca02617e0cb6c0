package zoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestTally(t *testing.T) {
	got := tally.in.Receive(core.Conn{}, "k", sum{3, 5}, core.Message(`{"add":1}`))
	want := core.Outcome[string, sum]{Room: core.Put(sum{4, 6}), Reply: sum{4, 6}, Publish: []core.Publication{core.ToAll(sum{4, 6})}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an addition (-want +got):\n%s", diff)
	}
	got = tally.in.Receive(core.Conn{}, "k", sum{3, 5}, core.Message(`"one"`))
	if diff := cmp.Diff(core.Outcome[string, sum]{Fail: complaint("not a term")}, got); diff != "" {
		t.Errorf("nonsense (-want +got):\n%s", diff)
	}
}
