package esttest

import (
	"cmp"
	"slices"
	"strconv"
)

// position is when a text is sent, as far as what it may be depends on that.
type position uint8

const (
	elsewhere position = iota // the step has no text
	hello                     // the first one of a connection
	later
	seed // of what happens outside any connection
	positionCount
)

// positions returns the position of each step's text.
func positions(steps []step) []position {
	all := make([]position, len(steps))
	greeted := map[connName]bool{}
	for i, st := range steps {
		switch {
		case st.text == "":
		case st.do == outside:
			all[i] = seed
		case greeted[st.conn]:
			all[i] = later
		default:
			all[i] = hello
		}
		if st.do == send {
			greeted[st.conn] = true
		}
	}
	return all
}

// texts has the different texts for each position, the shortest first.
type texts [positionCount][]string

func textsOf(steps []step) (all texts) {
	for i, at := range positions(steps) {
		if text := steps[i].text; at != elsewhere && !slices.Contains(all[at], text) {
			all[at] = append(all[at], text)
		}
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b string) int {
			return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		})
	}
	return all
}

// reuseTexts puts other texts of the failure that was found in place of those that are
// left, so that fewer and shorter ones are. The model has made them itself, and
// whether it can for this client is for run to say.
func (s *shrinker) reuseTexts() {
	const few = 6 // shorter ones to try for each
	for at, list := range textsOf(s.least.steps) {
		at := position(at)
		for _, old := range slices.Backward(list) {
			for n, with := range s.pool[at] {
				if n < few && with != old && (s.tryText(at, old, with) || s.tryTextInRooms(at, old, with)) {
					break
				}
			}
		}
	}
	// One step alone may do with a text that another one has.
	for i := 0; i < len(s.least.steps); i++ {
		st, at := s.least.steps[i], positions(s.least.steps)[i]
		for _, with := range textsOf(s.least.steps)[at] {
			if st.text = with; s.try(replace(s.least.steps, i, st)) {
				break
			}
		}
	}
}

// tryText replaces a text wherever it is sent in that position.
func (s *shrinker) tryText(at position, old, with string) bool {
	return s.try(replaceText(s.least.steps, at, old, with))
}

func replaceText(steps []step, at position, old, with string) []step {
	steps = slices.Clone(steps)
	for i, here := range positions(steps) {
		if here == at && steps[i].text == old {
			steps[i].text = with
		}
	}
	return steps
}

// tryTextInRooms replaces a text that may lead to another room: what the store does
// then happens there.
func (s *shrinker) tryTextInRooms(at position, old, with string) bool {
	rooms := distinct(s.least.steps, func(st step) string { return st.room })
	for _, from := range rooms {
		for _, to := range s.rooms {
			if to != from && s.try(change(replaceText(s.least.steps, at, old, with), func(st step) step {
				if st.room == from {
					st.room = to
				}
				return st
			})) {
				return true
			}
		}
	}
	return false
}

// lowerSeeds puts small numbers in place of the seeds of what happens outside.
func (s *shrinker) lowerSeeds() {
	for _, old := range textsOf(s.least.steps)[seed] {
		for n := range 8 {
			if s.tryText(seed, old, strconv.Itoa(n)) {
				break
			}
		}
	}
}
