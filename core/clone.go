package core

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
)

// Clone is a copy of the machine that goes its own way from here: whatever
// happens to one of them, the other does not change. What can't change is shared.
func (r *Room[C, R]) Clone() *Room[C, R] {
	c := *r
	c.spare = nil
	c.members = make(map[ConnID]*member[C], len(r.members))
	c.order = make([]*member[C], len(r.order))
	for i, m := range r.order {
		n := *m
		c.order[i], c.members[m.id] = &n, &n
	}
	c.identity = make(map[string][]*member[C], len(r.identity))
	for id, ms := range r.identity {
		c.identity[id] = c.own(ms)
	}
	c.held, c.due, c.queue = slices.Clone(r.held), slices.Clone(r.due), slices.Clone(r.queue)
	if f := r.flight; f != nil {
		d := *f
		d.touched = c.own(d.touched)
		d.decided = slices.Clone(d.decided)
		c.flight = &d
	}
	return &c
}

func (r *Room[C, R]) own(of []*member[C]) []*member[C] {
	ms := make([]*member[C], 0, len(of))
	for _, m := range of {
		if n := r.members[m.id]; n != nil {
			ms = append(ms, n)
		}
	}
	return ms
}

// Fingerprint is equal for two machines of the same integration that are in the
// same state, and differs otherwise: a hash of 128 bits (FNV-1a), good against
// chance and not against malice.
func (r *Room[C, R]) Fingerprint() [16]byte {
	h := fnv.New128a()
	fmt.Fprintf(h, "%q %q %v %d %d %d %d %v %q %q %v\n", r.key, r.writer, r.opt, r.now.UnixNano(), r.n, r.link, r.listing, r.known,
		r.version, r.value.json(), r.at)
	fmt.Fprintf(h, "%v %v %v %d %d %v %d %d %v %d %d\n", r.seen, r.doubt, r.late, r.wanted, r.missing, r.waits, r.suspect, r.later, r.loading, r.limit, r.losses)
	for _, m := range r.order {
		fmt.Fprintf(h, "member %q %d %v %v %v %v %v %v %v %v %d ", m.id, m.events, m.handshake,
			m.awaiting, m.joined, m.leaving, m.deaf, m.ended, m.orphan, m.resyncs, m.since)
		printSeat(h, m.seat)
	}
	for _, id := range slices.Sorted(maps.Keys(r.identity)) {
		fmt.Fprintf(h, "identity %q", id)
		for _, m := range r.identity[id] {
			fmt.Fprintf(h, " %q", m.id)
		}
		fmt.Fprintln(h)
	}
	for _, ev := range r.held {
		fmt.Fprintf(h, "held %d %v %q %q\n", ev.Now.UnixNano(), ev.At, ev.Version, ev.Body)
	}
	printTasks(h, r.due)
	printTasks(h, r.queue)
	if f := r.flight; f != nil {
		c := f.sent.(Commit)
		fmt.Fprintf(h, "flight %v %d %d %v %v %q %d %q %v %q\n", f.over, c.N, c.Again, c.Causes, c.Any, c.Expect, c.Op, c.Value, c.Members, c.Messages)
		for _, m := range f.touched {
			fmt.Fprintf(h, "next %q %v ", m.id, m.later)
			printSeat(h, m.next)
		}
		for _, x := range f.decided {
			printTasks(h, []task{x.task})
			fmt.Fprintf(h, "decided %q %d %v %v %v %q %d %v\n", x.reply, x.code, x.joins, x.left, x.moves, x.to, x.messages, x.reports)
			for _, effect := range x.perform {
				printJSON(h, effect)
			}
		}
	}
	return [16]byte(h.Sum(nil))
}

func printSeat[C any](w io.Writer, s seat[C]) {
	fmt.Fprintf(w, "%q %q\n", s.identity, s.data.json())
}

func printTasks(w io.Writer, ts []task) {
	fmt.Fprintln(w, len(ts))
	for _, t := range ts {
		fmt.Fprintf(w, "task %v %q %d %d %v %v %q %d %q\n", t.kind, t.conn, t.n, t.now.UnixNano(), t.retried, t.bare,
			t.msg, t.code, t.text)
		if t.heard != nil {
			fmt.Fprintf(w, "heard %v %v\n", t.heard.at, t.heard.Delivery)
		}
		if t.answer != nil {
			printJSON(w, t.answer.Effect)
			fmt.Fprintf(w, "%q %q\n", t.answer.Result, t.answer.Failed)
		}
	}
}

// printJSON prints what the application gave us: by content, never by address.
func printJSON(w io.Writer, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b = nil // then its type must do
	}
	fmt.Fprintf(w, "%T %s\n", v, b)
}
