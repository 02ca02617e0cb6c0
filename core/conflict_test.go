package core_test

import (
	"fmt"
	"testing"

	"github.com/spinneyio/est/core"
)

// A batch that has lost is decided again as a whole. One that goes on losing gets
// smaller, down to one transition, and large again when it has won.
func TestBatchThatLoses(t *testing.T) {
	r := core.RoomsOf(ledgerIntegration(false, true)).New("r", "1", 0, nil)
	r.Step(nil, core.Entered{Conn: "a", Data: []byte(`{"Room":"r"}`), Events: 1}, core.Subscribed{})
	rec := core.Record{Version: "0", At: core.Position{Epoch: "e"}}
	r.Step(nil, core.Loaded{Record: rec})
	r.Step(nil, core.Committed{N: 1, Version: "1", At: rec.At})
	var said []core.Event
	for i := range 16 {
		said = append(said, core.Received{Conn: "a", Message: core.Message(fmt.Sprintf(`{"Op":"%d"}`, i))})
	}
	sent := func(fx []core.Effect) core.Commit { return fx[len(fx)-1].(core.Commit) }
	c := sent(r.Step(nil, said...))
	var sizes []int
	for range 9 {
		sizes = append(sizes, len(c.Causes))
		c = sent(r.Step(nil, core.Conflicted{N: c.N, Record: rec}))
	}
	for len(sizes) < 13 {
		sizes = append(sizes, len(c.Causes))
		rec.At.Seq += uint64(len(c.Messages))
		c = sent(r.Step(nil, core.Committed{N: c.N, Version: fmt.Sprint(len(sizes)), At: rec.At}))
	}
	if got, want := fmt.Sprint(sizes), "[16 16 16 16 8 4 2 1 1 1 2 4 8]"; got != want {
		t.Errorf("batches of %s, want %s", got, want)
	}
}
