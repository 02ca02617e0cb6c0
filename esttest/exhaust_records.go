package esttest

import (
	"errors"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// printRecord prints of the receipts what may still be asked for.
func (s *sim[C, R]) printRecord(p *marker, r *record) {
	if r.state.Empty() {
		return // as good as none
	}
	p.text(r.key)
	rec := r.state.Record(true)
	p.record(coreRecord(rec))
	p.num(uint64(len(rec.Members)))
	for _, m := range rec.Members {
		p.text(m.ID)
		p.text(string(m.Data))
	}
	p.num(uint64(len(r.past)))
	for _, was := range r.past {
		p.num(was.after)
		p.text(string(was.value))
	}
	for _, n := range s.nodes {
		for _, t := range n.sites {
			if fx, ok := t.ask.fx.(core.Commit); ok && t.key == r.key {
				printReceipt(p, r.state, t.writer, fx.N)
			}
		}
	}
	for _, l := range s.lates {
		if l.room == r.key && l.note == nil {
			printReceipt(p, r.state, l.writer, l.fx.N)
		}
	}
}

// printOwnRecord does so for one of est's own.
func (s *sim[C, R]) printOwnRecord(p *marker, r *ownRecord) {
	p.text(r.key)
	members := r.members()
	p.num(uint64(len(members)))
	for _, m := range members {
		p.text(m.ID)
		p.text(string(m.Data))
	}
	for _, n := range s.nodes {
		for i := 0; n.pulse != nil && i < len(n.pulse.chores); i++ {
			if fx, ok := n.pulse.chores[i].fx.(core.CommitRecord); ok && fx.Record == r.key {
				printReceipt(p, r.state, n.writer, fx.N)
			}
		}
	}
	for _, l := range s.lates {
		if l.room == r.key && l.note != nil {
			printReceipt(p, r.state, l.writer, l.note.N)
		}
	}
}

// printReceipt prints what the store would make of a number if it came again. It
// asks with a commit that conflicts with whatever there is, if it is new.
func printReceipt(p *marker, s broker.State, writer string, n uint64) {
	never := broker.Version("\x00")
	_, receipt, err := broker.Apply(s, broker.Commit{ID: broker.CommitID{Writer: writer, N: n}, Expect: &never})
	p.flags(err == nil, errors.Is(err, broker.ErrStale))
	p.text(string(receipt.Version))
	p.at(core.Position(receipt.At))
}
