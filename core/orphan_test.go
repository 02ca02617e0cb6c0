package core_test

import (
	"slices"
	"testing"

	"github.com/spinneyio/est/core"
)

// A Leave of an orphan sees a state in which the member has joined: that of a
// survivor's machine may be older than the join, and so may be an answer that was
// on its way when the orphan came.
func TestOrphanIsDecidedOnAYoungState(t *testing.T) {
	old := core.Record{Value: []byte(`{"Here":["a"]}`), Version: "old", At: core.Position{Epoch: "e"}}
	young := core.Record{Value: []byte(`{"Here":["a","b"]}`), Version: "young", At: core.Position{Epoch: "e", Seq: 1}}
	body, err := core.EncodePublication("", core.ToAll(entry{Op: "x"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, play := range []struct {
		name   string
		before []core.Event // what leads to a question, if anything
		answer func(question core.Effect) core.Event
	}{
		{"at rest", nil, nil},
		{"a load is under way", []core.Event{core.Delivered{At: core.Position{Epoch: "e", Seq: 1}, Version: "older", Body: body}}, func(core.Effect) core.Event {
			return core.Loaded{Record: core.Record{Value: old.Value, Version: old.Version, At: core.Position{Epoch: "e", Seq: 1}}}
		}},
		{"a load for a doubt is under way", []core.Event{core.Doubted{}}, func(core.Effect) core.Event { return core.Loaded{Record: old} }},
		{"patience with that load ends", []core.Event{core.Doubted{}}, func(core.Effect) core.Event { return core.GaveUp{} }},
		{"a commit is under way", []core.Event{core.Received{Conn: "a", Message: core.Message(`{"Op":"x"}`)}}, func(q core.Effect) core.Event {
			return core.Committed{N: q.(core.Commit).N, Version: "mine", At: core.Position{Epoch: "e", Seq: 1}}
		}},
		{"a commit is under way in vain", []core.Event{core.Received{Conn: "a", Message: core.Message(`{"Op":"x"}`)}}, func(q core.Effect) core.Event {
			return core.Conflicted{N: q.(core.Commit).N, Record: old}
		}},
	} {
		t.Run(play.name, func(t *testing.T) {
			in := ledgerIntegration(true, true)
			leave := in.Leave
			in.Leave = func(c core.Conn, d ledgerData, l ledger) core.Outcome[ledgerData, ledger] {
				if !slices.Contains(l.Here, string(c.ID)) {
					t.Errorf("Leave of %s runs on %+v", c.ID, l)
				}
				return leave(c, d, l)
			}
			r := core.RoomsOf(in).New("r", "1", 0, nil)
			r.Step(nil, core.Entered{Conn: "a", Data: []byte(`{"Room":"r"}`), Events: 1}, core.Subscribed{})
			r.Step(nil, core.Loaded{Record: core.Record{At: old.At}})
			r.Step(nil, core.Committed{N: 1, Version: "old", At: old.At})

			asked := r.Step(nil, play.before...)
			fx := r.Step(nil, core.Orphaned{Conn: "b", Data: []byte(`{"Room":"r"}`)})
			if play.answer != nil {
				fx = r.Step(nil, play.answer(asked[len(asked)-1]))
			}
			if len(fx) == 0 || !isLoad(fx[len(fx)-1]) {
				t.Fatalf("the orphan leads to %v, want a load in the end", fx)
			}
			fx = r.Step(nil, core.Loaded{Record: young})
			c, ok := fx[len(fx)-1].(core.Commit)
			if !ok || c.Expect != "young" {
				t.Fatalf("then %v, want a commit on the young state", fx)
			}
			if !slices.Contains(removed(c), "b") { // what had waited goes first
				fx = r.Step(nil, core.Committed{N: c.N, Version: "next", At: core.Position{Epoch: "e", Seq: 1 + uint64(len(c.Messages))}})
				if c, ok = fx[len(fx)-1].(core.Commit); !ok || !slices.Contains(removed(c), "b") {
					t.Errorf("in the end %v, want a commit that removes it", fx)
				}
			}
		})
	}
}

func isLoad(fx core.Effect) bool {
	_, is := fx.(core.Load)
	return is
}

func removed(c core.Commit) (ids []core.ConnID) {
	for _, m := range c.Members {
		if m.Op == core.RemoveMember {
			ids = append(ids, m.Conn)
		}
	}
	return ids
}
