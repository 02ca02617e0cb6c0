package conformance

import (
	"fmt"
	"slices"

	"github.com/spinneyio/est/broker"
)

// chain returns the commits that were applied, in their order. There is none if
// an update was lost, was made twice, or came from nowhere.
func (h *history) chain() ([]*write, *flaw) {
	commits, b := h.commits()
	if b == nil {
		b = h.seen(commits)
	}
	if b != nil {
		return nil, b
	}
	next := map[string]*write{} // by the value that they were decided on
	for _, w := range commits {
		if w.answer != applied {
			continue
		}
		if other := next[w.on]; other != nil {
			return nil, &flaw{
				expected: fmt.Sprintf("of the commits that were decided on %s, one is applied", valueName(w.on)),
				happened: fmt.Sprintf("%q and %q both are: an update is lost", other.puts, w.puts),
				culprits: []call{other, w},
			}
		}
		next[w.on] = w
	}
	// None is left over: who decided on a value had seen it, so there is no circle.
	var order []*write
	for w := next[""]; w != nil; w = next[w.puts] {
		order = append(order, w)
	}
	if n := len(order); n > 0 && order[n-1].puts != h.last.value {
		return nil, &flaw{
			expected: fmt.Sprintf("%q, which nobody has overwritten, is the value in the end", order[n-1].puts),
			happened: "it is " + valueName(h.last.value),
			culprits: []call{order[n-1], h.last},
		}
	}
	return order, nil
}

// commits returns each commit once, with its one answer.
func (h *history) commits() ([]*write, *flaw) {
	var list []*write
	known := map[string]*write{}
	for _, w := range h.writes {
		if w.answer == unknown {
			w.to = ever
		}
		first := known[w.puts]
		switch {
		case first == nil:
			known[w.puts] = &w
			list = append(list, &w)
			continue
		case first.answer == unknown:
			first.answer, first.receipt = w.answer, w.receipt
		case w.answer != unknown && w.receipt != first.receipt:
			return nil, &flaw{
				expected: fmt.Sprintf("the commit of %q, sent again, gets the same answer again", w.puts),
				happened: "it gets another one",
				culprits: []call{first, w},
			}
		}
		first.to = min(first.to, w.to)
	}
	return list, nil
}

// seen checks that each value that was seen had been put. A commit without an
// answer was applied if its value was seen.
func (h *history) seen(commits []*write) *flaw {
	by := map[string]*write{}
	for _, w := range commits {
		by[w.puts] = w
	}
	check := func(value string, until int, who call) *flaw {
		const expected = "who sees a value sees one that somebody has put"
		w := by[value]
		switch {
		case value == "":
			return nil
		case w == nil:
			return &flaw{expected, fmt.Sprintf("%q is seen, which nobody put", value), []call{who}}
		case w.answer == refused:
			return &flaw{expected, fmt.Sprintf("%q is seen, whose commit was refused", value), []call{w, who}}
		case until < w.from:
			return &flaw{expected, fmt.Sprintf("%q is seen before it was committed", value), []call{w, who}}
		}
		w.answer = applied
		return nil
	}
	for _, w := range commits {
		if b := check(w.on, w.from, w); b != nil {
			return b
		}
	}
	for _, r := range h.allReads() {
		if b := check(r.value, r.to, r); b != nil {
			return b
		}
	}
	for _, l := range h.heard {
		for _, m := range l.messages {
			if b := check(string(m.Body), ever, l); b != nil {
				return b
			}
		}
	}
	return nil
}

// versions checks that a version names the commit that put the value.
func (h *history) versions() *flaw {
	type sighting struct {
		value   string
		version broker.Version
		who     call
	}
	var all []sighting
	for _, w := range h.writes {
		if w.answer == applied {
			all = append(all, sighting{w.puts, w.receipt.Version, w})
		}
	}
	for _, r := range h.allReads() {
		all = append(all, sighting{r.value, r.version, r})
	}
	for _, l := range h.heard {
		for _, m := range l.messages {
			all = append(all, sighting{string(m.Body), m.Version, l})
		}
	}
	byValue, byVersion := map[string]sighting{"": {}}, map[broker.Version]sighting{"": {}}
	for _, x := range all {
		known, ok := byValue[x.value]
		if !ok {
			byValue[x.value] = x
		} else if known.version != x.version {
			return &flaw{
				expected: "the version of " + valueName(x.value) + " is the same for everybody",
				happened: fmt.Sprintf("it is %q and %q", known.version, x.version),
				culprits: calls(known.who, x.who),
			}
		}
		if known, ok = byVersion[x.version]; !ok {
			byVersion[x.version] = x
		} else if known.value != x.value {
			return &flaw{
				expected: "a version is that of one value",
				happened: fmt.Sprintf("%q is that of %s and of %s", x.version, valueName(known.value), valueName(x.value)),
				culprits: calls(known.who, x.who),
			}
		}
	}
	return nil
}

// calls are those that are known.
func calls(list ...call) []call {
	return slices.DeleteFunc(list, func(x call) bool { return x == nil })
}
