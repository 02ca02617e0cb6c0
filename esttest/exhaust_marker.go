package esttest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/spinneyio/est/core"
)

// marker is a text to be hashed. Whatever has no fixed length has it in front, so
// different things never make the same text.
type marker []byte

func (p *marker) num(n uint64) { *p = binary.AppendUvarint(*p, n) }

func (p *marker) text(s string) {
	p.num(uint64(len(s)))
	*p = append(*p, s...)
}

func (p *marker) flags(flags ...bool) {
	b := byte(0)
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	*p = append(*p, b)
}

func (p *marker) at(at core.Position) {
	p.text(at.Epoch)
	p.num(at.Seq)
}

// value prints what the application gave us, by its content.
func (p *marker) value(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b = fmt.Appendf(nil, "%v", v)
	}
	p.text(fmt.Sprintf("%T", v))
	p.text(string(b))
}

func (p *marker) values(vs []any) {
	p.num(uint64(len(vs)))
	for _, v := range vs {
		p.value(v)
	}
}

func (p *marker) record(r core.Record) {
	p.flags(r.Value != nil)
	p.text(string(r.Value))
	p.text(r.Version)
	p.at(r.At)
}

func (p *marker) event(ev core.Event) {
	switch ev := ev.(type) {
	case core.Delivered:
		p.text("delivered")
		p.at(ev.At)
		p.text(ev.Version)
		p.text(string(ev.Body))
	case core.Loaded:
		p.text("loaded")
		p.record(ev.Record)
	case core.Committed:
		p.text("committed")
		p.num(ev.N)
		p.text(ev.Version)
		p.at(ev.At)
	case core.Conflicted:
		p.text("conflicted")
		p.num(ev.N)
		p.record(ev.Record)
		p.num(uint64(len(ev.Gone)))
		for _, id := range ev.Gone {
			p.text(string(id))
		}
	default: // the others are few, and rare
		p.text(fmt.Sprintf("%T%+v", ev, ev))
	}
}

func (p *marker) commit(c core.Commit) {
	p.num(c.N)
	p.num(uint64(c.Again))
	p.flags(c.Any)
	p.text(c.Expect)
	p.num(uint64(c.Op))
	p.text(string(c.Value))
	p.num(uint64(len(c.Members)))
	for _, m := range c.Members {
		p.num(uint64(m.Op))
		p.text(string(m.Conn))
		p.text(string(m.Data))
	}
	p.num(uint64(len(c.Messages)))
	for _, m := range c.Messages {
		p.text(string(m))
	}
}
