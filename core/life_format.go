package core

import (
	"fmt"
	"strings"
)

// The language of transcripts, for a Life: one line for each event and effect.

func (Ticked) String() string  { return "ticked" }
func (Stopped) String() string { return "stopped" }
func (e Wanted) String() string {
	return fmt.Sprintf("%q is wanted", e.Room)
}
func (e Unwanted) String() string {
	if e.Unsure {
		return fmt.Sprintf("%q is not wanted any more, but a commit to it was forgotten", e.Room)
	}
	return fmt.Sprintf("%q is not wanted any more", e.Room)
}
func (e Reaped) String() string { return fmt.Sprintf("%q of %s is reaped", e.Room, e.Instance) }
func (e Unreaped) String() string {
	return fmt.Sprintf("%q of %s has members that can't be read", e.Room, e.Instance)
}
func (e RecordLoaded) String() string { return fmt.Sprintf("%s has %s", e.Record, members(e.Members)) }
func (e RecordUnread) String() string { return fmt.Sprintf("%s can't be read", e.Record) }
func (e RecordCommitted) String() string {
	return fmt.Sprintf("%s committed #%d", e.Record, e.N)
}
func (e RecordConflicted) String() string {
	return fmt.Sprintf("%s conflicted #%d, gone: %s", e.Record, e.N, strings.Join(e.Gone, ", "))
}
func (e RecordRefused) String() string {
	return fmt.Sprintf("%s refused #%d: %s", e.Record, e.N, e.Reason)
}
func (e RecordUnanswered) String() string {
	return fmt.Sprintf("%s did not answer #%d", e.Record, e.N)
}

func members(ms []RecordMember) string {
	if len(ms) == 0 {
		return "nobody"
	}
	s := make([]string, len(ms))
	for i, m := range ms {
		s[i] = m.ID
		if len(m.Data) > 0 {
			s[i] += " " + string(m.Data)
		}
	}
	return strings.Join(s, ", ")
}

func (e LoadRecord) String() string { return "load " + e.Record }
func (e CommitRecord) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "commit #%d to %s", e.N, e.Record)
	if e.Again > 0 {
		b.WriteString(" again")
	}
	for _, c := range e.Changes {
		fmt.Fprintf(&b, ", %s %s", [...]string{"require", "add", "update", "remove"}[c.Op], c.ID)
		if len(c.Data) > 0 {
			fmt.Fprintf(&b, " %s", c.Data)
		}
	}
	return b.String()
}
func (e Admit) String() string { return fmt.Sprintf("admit %q", e.Room) }
func (e Reap) String() string  { return fmt.Sprintf("reap %q of %s", e.Room, e.Instance) }
func (Expel) String() string   { return "expel" }
func (End) String() string     { return "end" }
