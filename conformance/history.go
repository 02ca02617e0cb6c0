package conformance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spinneyio/est/broker"
)

// history is what several goroutines did to one record at the same time. Each
// commit puts a value that no other puts, expects the version of the value that it
// was decided on, makes its value the data of the only member, and publishes it as
// its only message. So the values form a chain: at most one order of the commits
// is possible, and no search is needed to find it.
type history struct {
	writes []write
	reads  []read
	heard  []hearing
	last   read // when all was over
}

// span is one call: whose, and from when to when, by a clock that counts calls
// and answers.
type span struct {
	by       string
	from, to int
}

// ever is when a call ends that was never answered.
const ever = math.MaxInt

// write is a commit as it was sent once. One that wasn't refused may have been
// sent several times; then the first comes first.
type write struct {
	span
	puts    string
	on      string // the value that it was decided on; "" is: none
	answer  answer
	receipt broker.Receipt // if applied
}

type answer int

const (
	applied answer = iota
	refused
	unknown // it may have been applied or not
)

// read is a record that a Load or a conflict has shown.
type read struct {
	span
	value   string // "" is: none
	version broker.Version
	at      broker.Position
	members []string // their data
	whole   bool     // members were asked for
}

// hearing is what a subscription heard that was there before the first commit.
type hearing struct {
	span
	messages []broker.Message
}

// call is a write, read or hearing.
type call interface {
	fmt.Stringer
	began() int
}

func (s span) began() int { return s.from }

func (s span) String() string {
	if s.to == ever {
		return fmt.Sprintf("[%d, …] %s", s.from, s.by)
	}
	return fmt.Sprintf("[%d, %d] %s", s.from, s.to, s.by)
}

func (w write) String() string {
	text := fmt.Sprintf("%s commits %q, decided on %s", w.span, w.puts, valueName(w.on))
	switch w.answer {
	case refused:
		return text + ": refused"
	case unknown:
		return text + ": no answer"
	}
	return fmt.Sprintf("%s: applied, up to message %d", text, w.receipt.At.Seq)
}

func (r read) String() string {
	text := fmt.Sprintf("%s reads %s, at message %d", r.span, valueName(r.value), r.at.Seq)
	if r.whole {
		text += fmt.Sprintf(", members %q", r.members)
	}
	return text
}

func (l hearing) String() string {
	var heard []string
	for _, m := range l.messages {
		heard = append(heard, fmt.Sprintf("%d %q", m.At.Seq, m.Body))
	}
	return fmt.Sprintf("%s hears %s", l.by, strings.Join(heard, ", "))
}

func valueName(value string) string {
	if value == "" {
		return "no value"
	}
	return fmt.Sprintf("%q", value)
}

// allReads returns all reads, also the last.
func (h *history) allReads() []read { return append(slices.Clip(h.reads), h.last) }

// flaw is what is wrong with a history, and the calls that show it.
type flaw struct {
	expected, happened string
	culprits           []call
}

// lines are the culprits in the order in which they began.
func (b *flaw) lines() []string {
	calls := slices.Clone(b.culprits)
	slices.SortStableFunc(calls, func(x, y call) int { return cmp.Compare(x.began(), y.began()) })
	var lines []string
	for _, x := range calls {
		lines = append(lines, x.String())
	}
	return lines
}
