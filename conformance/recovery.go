package conformance

import (
	"fmt"
	"time"

	"github.com/spinneyio/est/broker"
)

// What follows is what a subscription owes after something broke.

// recovers publishes by h, in messages that differ, until l has heard the last of
// them, so that nothing is under way any more. What is heard on the way is taken. The
// room gets a value: without one it might be forgotten while others have their turn,
// and begin anew.
func (l *listener) recovers(h *handle) {
	patience := l.c.suite.harness.Patience
	start, heard := time.Now(), len(l.looked()) // the latter makes the bodies differ from earlier ones
	wait := patience / 1000
	for n := 1; time.Since(start) < patience; n++ {
		later := fmt.Sprintf("later %d.%d", heard, n)
		h.settled(l.key, broker.Commit{ID: l.c.writer().next(), Value: put(later), Messages: messages(later)})
		for {
			e, ok := l.takeFor(wait)
			if !ok {
				wait = min(2*wait, patience/10)
				break
			}
			if e.gap == nil && string(e.message.Body) == later {
				return
			}
		}
	}
	l.c.fatal(l.name+" hears messages again, though nobody does anything for it", fmt.Sprintf("none that was published in %v", patience))
}

// once shows that l was told of each message once, and in order.
func (l *listener) once() {
	var last broker.Message
	for _, e := range l.looked() {
		if e.gap != nil {
			continue
		}
		if at := e.message.At; at.Epoch == last.At.Epoch && at.Seq <= last.At.Seq {
			l.c.fatal(l.name+" gets each message once, in order", fmt.Sprintf("%s came after %s", l.c.show(e.message), l.c.show(last)))
		}
		last = e.message
	}
}

// accounted shows that between any two messages that l has heard there is none,
// or a gap.
func (l *listener) accounted() {
	var last broker.Message
	gap := false
	for _, e := range l.looked() {
		if e.gap != nil {
			gap = true
			continue
		}
		at := e.message.At
		follows := at.Seq == last.At.Seq+1 && (last.At.Epoch == "" || last.At.Epoch == at.Epoch)
		if !gap && !follows {
			before := "the first"
			if last.At.Epoch != "" {
				before = l.c.show(last)
			}
			l.c.fatal(fmt.Sprintf("%s gets what was committed between %s and %s, or a gap", l.name, before, l.c.show(e.message)), "neither")
		}
		last, gap = e.message, false
	}
}

// looked is what the case has taken of what was heard.
func (l *listener) looked() []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[:l.next:l.next]
}

// untilTold waits for the message last, or for one that was published in the
// latest gap.
func (l *listener) untilTold(last string) {
	for gaps := l.gaps(); ; {
		e := l.gets("what was published, also in Gap, or another gap")
		switch {
		case e.gap != nil:
			gaps++
		case string(e.message.Body) == fmt.Sprintf("in gap %d", gaps), string(e.message.Body) == last && gaps == 0:
			return
		}
	}
}

// untilAnew waits for a gap, and then for what h publishes: from then on it has to
// arrive, or another gap.
func (l *listener) untilAnew(h *handle) {
	for told := ""; ; {
		expected := "a gap"
		if told != "" {
			expected = "what was published after the gap, or another gap"
		}
		e := l.gets(expected)
		switch {
		case e.gap != nil:
			told += "after the gap"
			h.settled(l.key, broker.Commit{ID: l.c.writer().next(), Messages: messages(told)})
		case told == "":
			l.c.fatal(l.name+" gets a gap first", "the message "+l.c.show(e.message))
		case string(e.message.Body) == told:
			return
		}
	}
}

func (l *listener) gaps() (n int) {
	for _, e := range l.looked() {
		if e.gap != nil {
			n++
		}
	}
	return n
}
