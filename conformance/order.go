package conformance

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spinneyio/est/broker"
)

// inTime checks that who begins after something has ended sees that or later.
// Commits need no look: each began after what it was decided on.
func (h *history) inTime(order []*write) *flaw {
	type point struct {
		call
		from, to int
		place    int // in order, counted from 1; of a read, that of what it saw
	}
	places := map[string]int{}
	var reads, ended []point
	for i, w := range order {
		places[w.puts] = i + 1
		ended = append(ended, point{w, w.from, w.to, i + 1})
	}
	for _, r := range h.allReads() {
		reads = append(reads, point{r, r.from, r.to, places[r.value]})
	}
	ended = append(ended, reads...)
	slices.SortFunc(reads, func(a, b point) int { return cmp.Compare(a.from, b.from) })
	slices.SortFunc(ended, func(a, b point) int { return cmp.Compare(a.to, b.to) })
	var newest point // of those that had ended
	for _, p := range reads {
		for len(ended) > 0 && ended[0].to < p.from {
			if ended[0].place > newest.place {
				newest = ended[0]
			}
			ended = ended[1:]
		}
		if p.place < newest.place {
			return &flaw{
				expected: "a read that begins after a call has ended shows what that has done or shown, or something later",
				happened: fmt.Sprintf("number %d comes after number %d", p.place, newest.place),
				culprits: []call{newest, p},
			}
		}
	}
	return nil
}

// whole checks that who sees a value sees the version, position and members that
// its commit has left.
func (h *history) whole(order []*write) *flaw {
	left := map[string]read{"": {}}
	var epoch string
	for i, w := range order {
		if w.receipt.At.Epoch != "" {
			epoch = w.receipt.At.Epoch
		}
		left[w.puts] = read{at: broker.Position{Seq: uint64(i) + 1}, members: []string{w.puts}}
	}
	for _, r := range h.allReads() {
		want := left[r.value]
		if r.value != "" {
			want.at.Epoch = epoch
		}
		if r.at != want.at || r.whole && !slices.Equal(r.members, want.members) {
			b := &flaw{
				expected: fmt.Sprintf("%s is seen at message %d of its epoch, with the members %q", valueName(r.value), want.at.Seq, want.members),
				happened: fmt.Sprintf("message %d, members %q", r.at.Seq, r.members),
				culprits: []call{r},
			}
			for _, w := range order {
				if w.puts == r.value || w.receipt.At == r.at || slices.Contains(r.members, w.puts) {
					b.culprits = append(b.culprits, w)
				}
			}
			return b
		}
	}
	return nil
}

// delivered checks that everybody heard all commits, once and in their order,
// with the positions that their receipts have.
func (h *history) delivered(order []*write) *flaw {
	for _, l := range h.heard {
		for i, w := range order {
			b := &flaw{
				expected: fmt.Sprintf("message %d is %q", i+1, w.puts),
				culprits: []call{w, l},
			}
			if i > 0 {
				b.expected += fmt.Sprintf(", which was decided on %q", order[i-1].puts)
			}
			if i == len(l.messages) {
				b.happened = "it is never heard"
				return b
			}
			m := l.messages[i]
			switch {
			case string(m.Body) != w.puts:
				b.happened = fmt.Sprintf("it is %q", m.Body)
				for _, other := range order {
					if other.puts == string(m.Body) {
						b.culprits = append(b.culprits, other)
					}
				}
				return b
			case m.At.Seq != uint64(i)+1 || w.receipt.At.Epoch != "" && m.At != w.receipt.At:
				b.happened = fmt.Sprintf("it is heard as number %d, and the receipt has %d", m.At.Seq, w.receipt.At.Seq)
				return b
			}
		}
		if n := len(order); len(l.messages) > n {
			return &flaw{
				expected: fmt.Sprintf("nothing is heard after the last commit, %d", n),
				happened: fmt.Sprintf("%q is heard once more", l.messages[n].Body),
				culprits: []call{l},
			}
		}
	}
	return nil
}
