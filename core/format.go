package core

import (
	"fmt"
	"strings"
)

// The language of transcripts: one line for each event and effect.

func (e Opened) String() string    { return fmt.Sprintf("%s opened", e.Conn) }
func (e Received) String() string  { return fmt.Sprintf("%s received %s", e.Conn, e.Message) }
func (e Violated) String() string  { return fmt.Sprintf("%s violated %v", e.Conn, e.Code) }
func (e Dismissed) String() string { return fmt.Sprintf("%s dismissed", e.Conn) }
func (e TimedOut) String() string  { return fmt.Sprintf("%s timed out", e.Conn) }
func (e Closed) String() string    { return fmt.Sprintf("%s closed", e.Conn) }
func (e Entered) String() string   { return fmt.Sprintf("%s entered with %s", e.Conn, e.Data) }
func (e Orphaned) String() string {
	return fmt.Sprintf("%s orphaned, as %q with %s", e.Conn, e.Identity, e.Data)
}
func (Expelled) String() string   { return "expelled" }
func (Listed) String() string     { return "listed" }
func (Subscribed) String() string { return "subscribed" }
func (Doubted) String() string    { return "doubted: messages may be missing" }
func (GaveUp) String() string     { return "gave up" }
func (e Loaded) String() string   { return fmt.Sprintf("loaded %v", e.Record) }
func (e Refused) String() string  { return fmt.Sprintf("refused #%d: %s", e.N, e.Reason) }
func (e Committed) String() string {
	return fmt.Sprintf("committed #%d: version %s at %v", e.N, e.Version, e.At)
}

func (Waited) String() string       { return "waited" }
func (Unsubscribed) String() string { return "unsubscribed" }
func (e Forgotten) String() string  { return fmt.Sprintf("forgotten #%d", e.N) }
func (e Unanswered) String() string { return fmt.Sprintf("unanswered #%d", e.N) }

func (e Answered) String() string {
	if e.Answer.Failed != "" {
		return fmt.Sprintf("%s answered %v: failed: %s", e.Conn, e.Answer.Effect, e.Answer.Failed)
	}
	return fmt.Sprintf("%s answered %v: %s", e.Conn, e.Answer.Effect, e.Answer.Result)
}

func (e Conflicted) String() string {
	s := fmt.Sprintf("conflicted #%d: now %v", e.N, e.Record)
	if len(e.Gone) > 0 {
		s += ", gone: " + list(e.Gone)
	}
	return s
}

func (e Delivered) String() string {
	d, err := DecodePublication(e.Body)
	if err != nil {
		return fmt.Sprintf("delivered %v: %v", e.At, err)
	}
	return fmt.Sprintf("delivered %v: %v", e.At, d)
}

// String is the position as epoch:sequence number.
func (p Position) String() string { return fmt.Sprintf("%s:%d", p.Epoch, p.Seq) }

// String is the value, its version, and its position.
func (r Record) String() string {
	if r.Value == nil {
		return fmt.Sprintf("nothing, version %q at %v", r.Version, r.At)
	}
	return fmt.Sprintf("%s, version %q at %v", r.Value, r.Version, r.At)
}

// String is who publishes what to whom.
func (d Delivery) String() string {
	from, to := string(d.From), "all"
	if from == "" {
		from = "outside"
	}
	if !d.All {
		to = fmt.Sprintf("%q", d.To)
	}
	return fmt.Sprintf("%s to %s: %s", from, to, d.Body)
}

func (c Cause) String() string {
	switch {
	case c.At != Position{}:
		return fmt.Sprintf("message %v", c.At)
	case c.Conn != "":
		return fmt.Sprintf("%s/%d", c.Conn, c.N)
	}
	return "the store"
}

func (e Send) String() string  { return fmt.Sprintf("send %s: %s", list(e.To), e.Message) }
func (e Close) String() string { return fmt.Sprintf("close %s: %v", e.Conn, e.Code) }
func (e Perform) String() string {
	return fmt.Sprintf("perform for %s: %v", e.Conn, e.Effect)
}
func (e Move) String() string {
	s := fmt.Sprintf("move %s to %q with %s", e.Conn, e.Room, e.Entered.Data)
	for _, ev := range e.Waiting {
		s += fmt.Sprintf(", then %v", ev)
	}
	return s
}
func (e Gone) String() string { return fmt.Sprintf("gone %s", e.Conn) }
func (e Report) String() string {
	return fmt.Sprintf("report %s of %s: %s", e.What, e.Conn, e.Text)
}
func (Subscribe) String() string   { return "subscribe" }
func (List) String() string        { return "list" }
func (Unsubscribe) String() string { return "unsubscribe" }
func (Wait) String() string        { return "wait" }
func (Load) String() string        { return "load" }

func (e Commit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "commit #%d", e.N)
	if e.Again > 0 {
		b.WriteString(" again")
	}
	if e.Any {
		b.WriteString(" on any version")
	} else {
		fmt.Fprintf(&b, " on version %q", e.Expect)
	}
	switch e.Op {
	case OpPut:
		fmt.Fprintf(&b, ", put %s", e.Value)
	case OpDelete:
		b.WriteString(", delete")
	}
	for _, m := range e.Members {
		fmt.Fprintf(&b, ", %s %s", [...]string{"require", "add", "update", "remove"}[m.Op], m.Conn)
	}
	for _, m := range e.Messages {
		if d, err := DecodePublication(m); err == nil {
			fmt.Fprintf(&b, ", publish %v", d)
		}
	}
	return b.String()
}

func list(ids []ConnID) string {
	s := make([]string, len(ids))
	for i, id := range ids {
		s[i] = string(id)
	}
	return strings.Join(s, ", ")
}
