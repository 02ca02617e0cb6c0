package conformance

import (
	"errors"
	"reflect"
	"time"

	"github.com/spinneyio/est/broker"
)

// modelRoom is a room as Apply has it, and what the store calls things in it.
type modelRoom struct {
	c        *trial
	key      broker.Key
	state    broker.State
	listener *listener
	due      []broker.Message // to be heard since it was last looked at
	writers  []*modelWriter
	had      []broker.Version // as Apply calls them

	last   time.Time // when the last commit that was applied was sent at first
	lapsed bool      // so late that the store may have forgotten what we compare with

	versions, epochs naming
}

type modelWriter struct {
	id      string
	last    broker.Commit   // that was sent
	applied []broker.Commit // with growing numbers
	since   time.Time       // when the last of them was sent at first
}

// number is that of the last commit that was applied.
func (w *modelWriter) number() uint64 {
	if n := len(w.applied); n > 0 {
		return w.applied[n-1].ID.N
	}
	return 0
}

// naming is how the store calls what Apply calls otherwise.
type naming struct {
	store map[string]string
	taken map[string]bool
}

// want returns what the store has to call it, if it has called it got. A new one
// is its to name, but no two alike.
func (n *naming) want(apply, got string) string {
	if apply == "" {
		return ""
	}
	if name, ok := n.store[apply]; ok {
		return name
	}
	if got == "" || n.taken[got] {
		return newOne
	}
	if n.store == nil {
		n.store, n.taken = map[string]string{}, map[string]bool{}
	}
	n.store[apply], n.taken[got] = got, true
	return got
}

// draft makes the commit that d stands for.
func (r *modelRoom) draft(h *handle, d draft) *disagreement {
	w := r.writers[d.writer]
	c := r.commit(w, d)
	began := time.Now()
	ok, wrong := r.send(h, c)
	if n := w.number(); n > 0 && c.ID.N <= n {
		r.lapses(w.since) // its receipt was looked for
	}
	if c.Validate() == nil && c.ID.N > w.number() {
		w.last = c
		if ok {
			w.applied, w.since, r.last = append(w.applied, c), began, began
		}
	}
	return wrong
}

// commit is d in the words of Apply.
func (r *modelRoom) commit(w *modelWriter, d draft) broker.Commit {
	switch n := len(w.applied); {
	case d.send == again && w.last.ID.N > 0:
		return w.last
	case d.send == late && n > 0:
		return w.applied[max(0, n-2)]
	}
	c := d.commit
	c.ID = broker.CommitID{Writer: w.id, N: w.number() + 1 + d.gap}
	switch d.send {
	case nobodys:
		c.ID.Writer = ""
	case zeroth:
		c.ID.N = 0
	}
	switch n := len(r.had); {
	case d.expect == none:
		c.Expect = expect("")
	case d.expect == current:
		c.Expect = expect(r.state.Record(false).Version)
	case d.expect == old && n > 1:
		c.Expect = expect(r.had[n-2])
	case d.expect == old || d.expect == made:
		c.Expect = expect("never made")
	}
	return c
}

// send makes a commit with both, and says whether it was applied, also before.
func (r *modelRoom) send(h *handle, c broker.Commit) (ok bool, wrong *disagreement) {
	state, want, wantErr := broker.Apply(r.state, c)
	sent := c
	if c.Expect != nil {
		if name, ok := r.versions.store[string(*c.Expect)]; ok {
			sent.Expect = expect(broker.Version(name))
		}
	}
	got, err := h.try(r.key, sent)
	r.lapsesIfBare()
	if wantErr != nil {
		return false, r.refuses(wantErr, got, err)
	}
	want.Version = broker.Version(r.versions.want(string(want.Version), string(got.Version)))
	want.At.Epoch = r.epochs.want(want.At.Epoch, got.At.Epoch)
	if err != nil || got != want {
		return false, &disagreement{expected: "the answer " + r.c.show(want), happened: r.answer(got, err)}
	}
	before, after := r.state.Record(false), state.Record(false)
	r.state = state
	if after.Version != before.Version {
		r.had = append(r.had, after.Version)
	}
	if after.At.Seq > before.At.Seq {
		for i, body := range c.Messages {
			at := broker.Position{Epoch: want.At.Epoch, Seq: before.At.Seq + uint64(i) + 1}
			r.due = append(r.due, broker.Message{At: at, Commit: c.ID, Version: want.Version, Body: body})
		}
	}
	return true, nil
}

// lapses notes it if receipts from then may be forgotten.
func (r *modelRoom) lapses(since time.Time) {
	r.lapsed = r.lapsed || !r.c.keeps(since)
}

// lapsesIfBare notes it if the record may be, because nothing but receipts is in it.
func (r *modelRoom) lapsesIfBare() {
	record := r.state.Record(true)
	if record.At.Epoch != "" && record.Value == nil && len(record.Members) == 0 {
		r.lapses(r.last)
	}
}

// refuses compares the answers to a commit that Apply refuses.
func (r *modelRoom) refuses(want error, got broker.Receipt, err error) *disagreement {
	conflict, ok := errors.AsType[*broker.Conflict](want)
	if !ok {
		for _, target := range []error{broker.ErrInvalid, broker.ErrStale} {
			if errors.Is(want, target) && !errors.Is(err, target) {
				return &disagreement{expected: "the answer " + outcome(want), happened: r.answer(got, err)}
			}
		}
		return nil
	}
	answer, ok := errors.AsType[*broker.Conflict](err)
	if !ok {
		answer = &broker.Conflict{}
	}
	conflict.Record = r.named(conflict.Record, answer.Record)
	if !ok || !same(answer, conflict) {
		return &disagreement{expected: "the answer " + r.c.show(conflict), happened: r.answer(got, err)}
	}
	return nil
}

func (r *modelRoom) answer(receipt broker.Receipt, err error) string {
	if conflict, ok := errors.AsType[*broker.Conflict](err); ok {
		return "it is " + r.c.show(conflict)
	}
	if err != nil {
		return "it is an " + outcome(err)
	}
	return "it is " + r.c.show(receipt)
}

// loaded compares the records.
func (r *modelRoom) loaded(h *handle) *disagreement {
	got := h.load(r.key)
	r.lapsesIfBare()
	want := r.named(r.state.Record(true), got)
	if !same(got, want) {
		return &disagreement{expected: "the record is " + r.c.show(want), happened: "it is " + r.c.show(got)}
	}
	return nil
}

// hears compares the messages since the last time.
func (r *modelRoom) hears(h *handle) *disagreement {
	const barrier = "barrier"
	began := time.Now()
	ok, wrong := r.send(h, broker.Commit{ID: r.c.writer().next(), Messages: messages(barrier)})
	if !ok {
		return wrong
	}
	r.last = began
	want := r.due
	r.due = nil
	for i := range want {
		got := r.listener.message("the message " + r.c.show(want[i]))
		if !reflect.DeepEqual(got, want[i]) {
			return &disagreement{
				expected: r.listener.name + " gets the message " + r.c.show(want[i]),
				happened: "it gets " + r.c.show(got),
			}
		}
	}
	return nil
}

// named is want, a record in the words of Apply, in those of a store that has
// shown got.
func (r *modelRoom) named(want, got broker.Record) broker.Record {
	want.Version = broker.Version(r.versions.want(string(want.Version), string(got.Version)))
	want.At.Epoch = r.epochs.want(want.At.Epoch, got.At.Epoch)
	return want
}
