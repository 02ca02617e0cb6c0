package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/spinneyio/est/broker"
	"pgregory.net/rapid"
)

// model is a record as one would write it down without any thought of speed or
// sharing. Its clone is another record.
type model struct {
	value    *string
	version  broker.Version
	at       broker.Position
	members  map[string]string
	receipts map[string]modelReceipt
}

type modelReceipt struct {
	n       uint64
	receipt broker.Receipt
	aged    bool
}

func (m model) clone() model {
	m.members, m.receipts = maps.Clone(m.members), maps.Clone(m.receipts)
	return m
}

// commit returns the model after c; what Apply must return is in the rest.
func (m model) commit(c broker.Commit) (next model, receipt broker.Receipt, stale bool, conflict *broker.Conflict) {
	if r, ok := m.receipts[c.ID.Writer]; ok && c.ID.N == r.n {
		return m, r.receipt, false, nil
	} else if ok && c.ID.N < r.n {
		return m, receipt, true, nil
	}
	var gone []string
	for _, change := range c.Members {
		if _, ok := m.members[change.ID]; !ok && change.Op != broker.Add {
			gone = append(gone, change.ID)
		}
	}
	if len(gone) > 0 || c.Expect != nil && *c.Expect != m.version {
		slices.Sort(gone)
		record := m.record()
		record.Members = nil
		return m, receipt, false, &broker.Conflict{Record: record, Gone: gone}
	}
	next = m.clone()
	name := fmt.Sprintf("%s-%d", c.ID.Writer, c.ID.N)
	if next.at.Epoch == "" {
		next.at.Epoch = name
	}
	next.at.Seq += uint64(len(c.Messages))
	switch c.Value.Op {
	case broker.Put:
		v := string(c.Value.Value)
		next.value, next.version = &v, broker.Version(name)
	case broker.Delete:
		next.value, next.version = nil, broker.Version(name)
	}
	for _, change := range c.Members {
		switch change.Op {
		case broker.Add, broker.Replace:
			next.members[change.ID] = string(change.Data)
		case broker.Remove:
			delete(next.members, change.ID)
		}
	}
	receipt = broker.Receipt{Version: next.version, At: next.at}
	next.receipts[c.ID.Writer] = modelReceipt{n: c.ID.N, receipt: receipt}
	return next, receipt, false, nil
}

func (m model) age() model {
	next := m.clone()
	for writer, r := range m.receipts {
		if r.aged {
			delete(next.receipts, writer)
		} else {
			r.aged = true
			next.receipts[writer] = r
		}
	}
	if next.value == nil && len(next.members) == 0 && len(next.receipts) == 0 {
		return newModel()
	}
	return next
}

func newModel() model {
	return model{members: map[string]string{}, receipts: map[string]modelReceipt{}}
}

func (m model) record() broker.Record {
	r := broker.Record{Version: m.version, At: m.at}
	if m.value != nil {
		r.Value = []byte(*m.value)
	}
	for _, id := range slices.Sorted(maps.Keys(m.members)) {
		r.Members = append(r.Members, broker.Member{ID: id, Data: []byte(m.members[id])})
	}
	return r
}

// sameRecord compares as rule 6 and Member's comment say: nil is not empty for
// values, and is for data.
func sameRecord(a, b broker.Record) bool {
	return (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value) && a.Version == b.Version && a.At == b.At &&
		slices.EqualFunc(a.Members, b.Members, func(a, b broker.Member) bool { return a.ID == b.ID && bytes.Equal(a.Data, b.Data) })
}

// drawCommit draws from so few writers, numbers, members and versions that most
// commits meet something.
func drawCommit(t *rapid.T, m model) broker.Commit {
	c := broker.Commit{ID: id(
		rapid.SampledFrom([]string{"a", "b", "c", "a-1"}).Draw(t, "writer"),
		rapid.Uint64Range(1, 6).Draw(t, "number"),
	)}
	versions := []*broker.Version{nil, nil, &m.version, &m.version, new(broker.Version), new(broker.Version)}
	*versions[5] = "a-1"
	c.Expect = rapid.SampledFrom(versions).Draw(t, "expect")
	if c.Value.Op = rapid.SampledFrom([]broker.Op{broker.Keep, broker.Put, broker.Delete}).Draw(t, "op"); c.Value.Op == broker.Put {
		c.Value.Value = rapid.SampledFrom([][]byte{nil, {}, []byte("v"), []byte("w")}).Draw(t, "value")
	}
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"", "x", "y", "z"}), 0, 3, rapid.ID).Draw(t, "members")
	for _, id := range ids {
		change := broker.MemberChange{ID: id, Op: rapid.SampledFrom([]broker.MemberOp{broker.Add, broker.Require, broker.Replace, broker.Remove}).Draw(t, "member op")}
		if change.Op == broker.Add || change.Op == broker.Replace {
			change.Data = rapid.SampledFrom([][]byte{nil, []byte("d"), []byte("e")}).Draw(t, "data")
		}
		c.Members = append(c.Members, change)
	}
	c.Messages = messages(make([]string, rapid.IntRange(0, 3).Draw(t, "messages"))...)
	return c
}

// Apply and Age do what the model does, from every state that was ever reached:
// so they are pure, and states may be branched from.
func TestApplyIsTheModel(t *testing.T) {
	type reached struct {
		state   broker.State
		encoded []byte
		model   model
	}
	outcomes := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		all := []reached{{state: broker.State{}, encoded: broker.State{}.AppendTo(nil), model: newModel()}}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			from := all[len(all)-1]
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0: // branch from an earlier one
				from = all[rapid.IntRange(0, len(all)-1).Draw(t, "from")]
			case 1: // go on from what a store has kept as bytes
				parsed, err := broker.ParseState(bytes.Clone(from.encoded))
				if err != nil {
					t.Fatal(err)
				}
				from.state = parsed
			}
			var to reached
			if rapid.IntRange(0, 7).Draw(t, "age") == 0 {
				to = reached{state: from.state.Age(), model: from.model.age()}
			} else {
				c := drawCommit(t, from.model)
				next, receipt, stale, conflict := from.model.commit(c)
				state, gotReceipt, err := broker.Apply(from.state, c)
				got, conflicts := errors.AsType[*broker.Conflict](err)
				switch {
				case conflict != nil:
					outcomes["conflict"]++
					if !conflicts || !sameRecord(got.Record, conflict.Record) || !slices.Equal(got.Gone, conflict.Gone) {
						t.Fatalf("%+v: %+v, want %+v", c, err, conflict)
					}
				case stale:
					outcomes["stale"]++
					if !errors.Is(err, broker.ErrStale) {
						t.Fatalf("%+v: %v, want ErrStale", c, err)
					}
				default:
					if err != nil {
						t.Fatalf("%+v: %v", c, err)
					}
					outcomes["receipt"]++
				}
				if gotReceipt != receipt {
					t.Fatalf("%+v: receipt %+v, want %+v", c, gotReceipt, receipt)
				}
				to = reached{state: state, model: next}
			}
			if got, want := to.state.Record(true), to.model.record(); !sameRecord(got, want) {
				t.Fatalf("the record is %+v, want %+v", got, want)
			}
			if got, want := to.state.Receipts(), len(to.model.receipts); got != want {
				t.Fatalf("%d receipts, want %d", got, want)
			}
			to.encoded = to.state.AppendTo(nil)
			all = append(all, to)
		}
		for _, r := range all {
			if now := r.state.AppendTo(nil); !bytes.Equal(now, r.encoded) {
				t.Fatalf("a state was changed: from %q to %q", r.encoded, now)
			}
		}
	})
	for _, outcome := range []string{"conflict", "stale", "receipt"} {
		if outcomes[outcome] < 10 {
			t.Errorf("only %d times: %s", outcomes[outcome], outcome)
		}
	}
}
