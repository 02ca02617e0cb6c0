package esttest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spinneyio/est/core"
)

// How what goes between instances and the store is told: "" if nobody listens.

// asked is what an instance asks of the store.
func (s *sim[C, R]) asked(o *op[C]) string {
	if !s.tracing {
		return ""
	}
	if fx, ok := o.fx.(core.Commit); ok {
		return s.committing(fx, o.deal)
	}
	return fmt.Sprint(o.fx)
}

func (s *sim[C, R]) committing(fx core.Commit, d *deal[C]) string {
	if !s.tracing {
		return ""
	}
	var b strings.Builder
	b.WriteString("commit")
	if fx.Again > 0 {
		b.WriteString(" again")
	}
	if !fx.Any {
		b.WriteString(" on version " + version(fx.Expect))
	}
	sep := ": "
	if d != nil {
		for _, x := range d.inside {
			b.WriteString(sep + phases[x.phase] + " " + string(x.conn))
			sep = ", "
		}
	}
	sep = " → "
	switch fx.Op {
	case core.OpPut:
		b.WriteString(sep + string(fx.Value))
		sep = "; "
	case core.OpDelete:
		b.WriteString(sep + "delete")
		sep = "; "
	}
	for _, m := range fx.Messages {
		b.WriteString(sep + messageWords(m))
		sep = "; "
	}
	return b.String()
}

// messageWords is a message and whom it is for.
func messageWords(body []byte) string {
	d, err := core.DecodePublication(body)
	switch {
	case err != nil:
		return err.Error()
	case d.All:
		return "to all " + string(d.Body)
	}
	return "to " + strconv.Quote(d.To) + " " + string(d.Body)
}

// text is a message as it is.
func (s *sim[C, R]) text(m core.Message) string {
	if !s.tracing {
		return ""
	}
	return string(m)
}

// shown is show, if anybody listens.
func (s *sim[C, R]) shown(v any) string {
	if !s.tracing {
		return ""
	}
	return show(v)
}

func version(v string) string {
	if v == "" {
		return "none"
	}
	return v
}

// told is what an instance gets from the store.
func (s *sim[C, R]) told(ev core.Event) string {
	if !s.tracing {
		return ""
	}
	switch ev := ev.(type) {
	case core.Loaded:
		return recordWords(ev.Record)
	case core.Committed:
		return "committed: version " + version(ev.Version)
	case core.Conflicted:
		text := "conflict: by now it is " + recordWords(ev.Record)
		for _, id := range ev.Gone {
			text += fmt.Sprintf(", and %s is no member", id)
		}
		return text
	case core.Delivered:
		return fmt.Sprintf("message %d %s", ev.At.Seq, messageWords(ev.Body))
	}
	return fmt.Sprint(ev)
}

func recordWords(r core.Record) string {
	if r.Value == nil {
		return "no state, version " + version(r.Version)
	}
	return fmt.Sprintf("%s, version %s", r.Value, version(r.Version))
}
