package main

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/memory"
)

func TestNothingIsLost(t *testing.T) {
	count, err := run(t.Context(), memory.New(nil), 4, 50)
	if err != nil {
		t.Fatal(err)
	}
	if count.Sum != 200 {
		t.Errorf("4 clients added 1 50 times each, and the sum is %d", count.Sum)
	}
}

// Here every addition loses its compare-and-swap once, so that it does not take
// luck to see what happens then.
func TestEveryAdditionIsDecidedAgain(t *testing.T) {
	var additions atomic.Int64
	b := memory.New(&memory.Options{Conflicts: func(key broker.Key, c broker.Commit) bool {
		return key.Namespace == Counter.Name && c.Value.Op == broker.Put && additions.Add(1)%2 == 1
	}})
	count, err := run(t.Context(), b, 1, 50)
	if err != nil {
		t.Fatal(err)
	}
	want := Count{Sum: 50, Retried: 51} // the 51st is the last look, which adds nothing
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("count (-want +got):\n%s", diff)
	}
}

func TestCounter(t *testing.T) {
	if err := Counter.Validate(); err != nil {
		t.Fatal(err)
	}
	type outcome = core.Outcome[string, Count]
	tests := []struct {
		name    string
		retried bool
		msg     string
		want    outcome
	}{
		{"it adds", false, `{"add":5}`, outcome{Room: core.Put(Count{Sum: 12}), Reply: Count{Sum: 12}}},
		{"it takes away", false, `{"add":-7}`, outcome{Room: core.Put(Count{}), Reply: Count{}}},
		{"it counts what is decided again", true, `{"add":1}`, outcome{Room: core.Put(Count{8, 1}), Reply: Count{8, 1}}},
		{"what is no term is refused", false, `{"add":"x"}`, outcome{Fail: &core.Failure{Code: 1, Errors: map[string]string{"comm": "Not a term"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Counter.Receive(core.Conn{Retried: tt.retried}, "everyone", Count{Sum: 7}, core.Message(tt.msg))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}
