package conformance

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/spinneyio/est/broker"
)

// story is what was done in a case, so that a failure can tell it. Steps are put
// into words only then.
type story struct {
	steps   []step
	dropped int

	names  map[named]string // short ones, of writers, versions and epochs
	counts map[string]int   // of the names of each kind
}

// named is what has a short name: its kind, and what it is called at length.
type named struct{ kind, long string }

// step is one call, message or gap. Text stands for itself; else which fields
// count follows from verb.
type step struct {
	text string

	handle  *handle
	verb    string
	key     broker.Key
	commit  *broker.Commit
	record  *broker.Record
	receipt *broker.Receipt
	err     error

	listener *listener
	message  *broker.Message
}

const (
	storyKept = 400 // steps
	storyTold = 40
)

// tell adds a step to the story.
func (c *trial) tell(s step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.story.steps) == storyKept {
		c.story.dropped += storyKept / 2
		c.story.steps = append(c.story.steps[:0], c.story.steps[storyKept/2:]...)
	}
	c.story.steps = append(c.story.steps, s)
}

// note adds words to the story.
func (c *trial) note(format string, args ...any) {
	c.tell(step{text: fmt.Sprintf(format, args...)})
}

// retell lets the story be another one.
func (c *trial) retell(s story) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.story = s
}

// tail is the last steps in words. The trial's lock is held.
func (s *story) tail() []string {
	skip := max(0, len(s.steps)-storyTold)
	var lines []string
	if n := skip + s.dropped; n > 0 {
		lines = append(lines, fmt.Sprintf("… %d steps before", n))
	}
	for _, step := range s.steps[skip:] {
		lines = append(lines, s.line(step))
	}
	return lines
}

func (s *story) line(x step) string {
	if x.text != "" {
		return x.text
	}
	if x.message != nil {
		return fmt.Sprintf("%s gets %s", x.listener.name, s.message(*x.message))
	}
	call := fmt.Sprintf("%s.%s(%s", x.handle.name, x.verb, brief(x.key.Room))
	if x.commit != nil {
		call += ", " + s.commit(*x.commit)
	}
	call += ")"
	switch {
	case x.err != nil:
		return fmt.Sprintf("%s → %s", call, s.failure(x.err))
	case x.record != nil:
		return fmt.Sprintf("%s → %s", call, s.record(*x.record))
	case x.receipt != nil:
		return fmt.Sprintf("%s → version %s at %s", call, s.version(x.receipt.Version), s.position(x.receipt.At))
	case x.listener != nil && x.listener.nth > 1:
		return fmt.Sprintf("%s → subscription %d", call, x.listener.nth)
	}
	return call
}

func (s *story) commit(c broker.Commit) string {
	parts := []string{s.id(c.ID)}
	if c.Expect != nil {
		parts = append(parts, "expect "+s.version(*c.Expect))
	}
	switch c.Value.Op {
	case broker.Keep:
	case broker.Put:
		parts = append(parts, "put "+brief(c.Value.Value))
	case broker.Delete:
		parts = append(parts, "delete")
	default:
		parts = append(parts, fmt.Sprintf("operation %d", c.Value.Op))
	}
	for _, m := range c.Members {
		parts = append(parts, member(m))
	}
	for _, m := range c.Messages {
		parts = append(parts, "message "+brief(m))
	}
	if len(parts) > 8 {
		parts = append(parts[:7], fmt.Sprintf("… %d more", len(parts)-7))
	}
	return strings.Join(parts, ", ")
}

func member(m broker.MemberChange) string {
	switch m.Op {
	case broker.Require:
		return "require " + brief(m.ID)
	case broker.Remove:
		return "remove " + brief(m.ID)
	case broker.Add:
		return "add " + brief(m.ID) + " = " + brief(m.Data)
	case broker.Replace:
		return "replace " + brief(m.ID) + " = " + brief(m.Data)
	}
	return fmt.Sprintf("operation %d of %s", m.Op, brief(m.ID))
}

func (s *story) record(r broker.Record) string {
	text := fmt.Sprintf("%s, version %s at %s", value(r.Value), s.version(r.Version), s.position(r.At))
	for i, m := range r.Members {
		if i == 6 {
			return text + fmt.Sprintf(", … %d more members", len(r.Members)-i)
		}
		text += ", member " + brief(m.ID) + " = " + brief(m.Data)
	}
	return text
}

func (s *story) failure(err error) string {
	if c, ok := errors.AsType[*broker.Conflict](err); ok {
		return s.conflict(c)
	}
	return "error: " + err.Error()
}

func (s *story) conflict(c *broker.Conflict) string {
	text := "conflict: " + s.record(c.Record)
	for _, id := range c.Gone {
		text += ", gone " + brief(id)
	}
	return text
}

func (s *story) message(m broker.Message) string {
	return fmt.Sprintf("%s at %s of %s, version %s", brief(m.Body), s.position(m.At), s.id(m.Commit), s.version(m.Version))
}

func (s *story) id(id broker.CommitID) string {
	return fmt.Sprintf("%s/%d", s.name("w", id.Writer), id.N)
}

func (s *story) version(v broker.Version) string {
	if v == "" {
		return "none"
	}
	return s.name("v", string(v))
}

func (s *story) position(p broker.Position) string {
	if p == (broker.Position{}) {
		return "nowhere"
	}
	return fmt.Sprintf("%s:%d", s.name("e", p.Epoch), p.Seq)
}

// name is a short name for what the store or we named at random: v1, v2, …
func (s *story) name(kind, long string) string {
	if s.names == nil {
		s.names, s.counts = map[named]string{}, map[string]int{}
	}
	key := named{kind, long}
	if _, ok := s.names[key]; !ok {
		s.counts[kind]++
		s.names[key] = fmt.Sprintf("%s%d", kind, s.counts[kind])
	}
	return s.names[key]
}

// show puts a value into the words of the story.
func (c *trial) show(v any) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch v := v.(type) {
	case broker.Record:
		return c.story.record(v)
	case broker.Commit:
		return c.story.commit(v)
	case broker.Member:
		return brief(v.ID) + " = " + brief(v.Data)
	case broker.Receipt:
		return fmt.Sprintf("version %s at %s", c.story.version(v.Version), c.story.position(v.At))
	case *broker.Conflict:
		return c.story.conflict(v)
	case broker.Message:
		return c.story.message(v)
	case broker.Version:
		return c.story.version(v)
	case broker.Position:
		return c.story.position(v)
	case broker.CommitID:
		return c.story.id(v)
	case []byte:
		return value(v)
	case string:
		return brief(v)
	case int, uint64:
		return fmt.Sprint(v)
	}
	return brief(fmt.Sprintf("%v", reflect.ValueOf(v)))
}

func value(v []byte) string {
	if v == nil {
		return "no value"
	}
	return brief(v)
}

// brief is text in quotes, shortened.
func brief[T ~string | ~[]byte](text T) string {
	const most = 60
	if len(text) <= most {
		return fmt.Sprintf("%q", string(text))
	}
	cut := string(text[:most])
	for !utf8.ValidString(cut) && len(cut) > most-utf8.UTFMax {
		cut = cut[:len(cut)-1]
	}
	return fmt.Sprintf("%q… (%d bytes)", cut, len(text))
}
