package esttest

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// mark tells states apart: two clusters with the same mark have the same future,
// and were seen to do the same. It is a hash of 128 bits, the same within a process.
type mark [2]uint64

var markSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// mark is the cluster's, with numbers of the caller in it. buf is space.
//
// What is printed is all that options, run, the checks and the model's functions
// look at, or will. Left out is what follows from the rest (the log of a room, what
// has been decided on for a commit, apart from its calls), what only a story tells,
// and the order in which clients, rooms and machines came up.
func (s *sim[C, R]) mark(buf []byte, extra ...int) (mark, []byte) {
	p := marker(buf[:0])
	for _, n := range extra {
		p.num(uint64(n))
	}
	p.num(uint64(s.now.UnixNano()))
	p.num(s.foreign)
	p.values(s.effects)
	p.num(uint64(s.liveness))
	p.num(uint64(s.rounds))
	for _, r := range inOrder(s.registry, func(r *ownRecord) string { return r.key }) {
		s.printOwnRecord(&p, r)
	}
	p.num(uint64(len(s.debts)))
	for _, d := range s.debts {
		p.text(d.writer)
		p.text(string(d.conn))
		p.value(d.effect)
	}
	for _, n := range s.nodes {
		printNode(&p, n)
	}
	for _, a := range s.clients {
		p.num(uint64(a.lives))
		for _, c := range s.conns {
			if c.name.client == a.number {
				printConn(&p, c)
			}
		}
	}
	for _, r := range inOrder(s.rooms, func(r *record) string { return r.key }) {
		s.printRecord(&p, r)
	}
	for _, l := range s.lates {
		p.num(uint64(l.inst))
		p.text(l.room)
		p.text(l.writer)
		p.commit(l.fx)
		if l.note != nil {
			p.text(fmt.Sprintf("%+v", *l.note))
		}
		printDeal(&p, l.deal)
	}
	return mark{maphash.Bytes(markSeeds[0], p), maphash.Bytes(markSeeds[1], p)}, p
}

// inOrder is of, sorted by key. It is of itself where that is sorted.
func inOrder[T any](of []T, key func(T) string) []T {
	byKey := func(a, b T) int { return strings.Compare(key(a), key(b)) }
	if !slices.IsSortedFunc(of, byKey) {
		of = slices.SortedFunc(slices.Values(of), byKey)
	}
	return of
}

func printNode[C, R any](p *marker, n *node[C, R]) {
	p.flags(n.up, n.paused, n.away, n.cut)
	p.num(uint64(n.life))
	if !n.up {
		return
	}
	p.num(n.after)
	printPulse(p, n.pulse)
	printSite(p, n.lobby)
	p.num(uint64(len(n.sites)))
	for _, t := range inOrder(n.sites, func(t *site[C, R]) string { return t.key }) {
		printSite(p, t)
	}
}

func printSite[C, R any](p *marker, t *site[C, R]) {
	if t.print == nil {
		sum := t.m.Fingerprint()
		t.print = &sum
	}
	*p = append(*p, t.print[:]...)
	p.text(t.key)
	p.text(t.writer)
	p.flags(t.linked, t.retired, t.unsure)
	p.num(uint64(min(t.given, 2))) // more make no difference to options
	p.num(t.lost)
	printOp(p, &t.ask)
	printOp(p, &t.link)
	printOp(p, &t.list)
	p.num(uint64(len(t.orphans)))
	for _, o := range t.orphans {
		p.text(string(o.conn))
		p.text(o.instance)
	}
	p.num(uint64(len(t.queue)))
	for _, ev := range t.queue {
		p.event(ev)
	}
}

func printPulse(p *marker, l *pulse) {
	if p.flags(l != nil); l == nil {
		return
	}
	if l.print == nil {
		sum := l.m.Fingerprint()
		l.print = &sum
	}
	*p = append(*p, l.print[:]...)
	p.num(uint64(len(l.chores)))
	for _, c := range l.chores {
		p.text(fmt.Sprintf("%T%+v", c.fx, c.fx))
		if p.flags(c.done); c.done {
			p.text(fmt.Sprintf("%T%+v %+v", c.answer, c.answer, c.orphans))
		}
	}
}

// printOp leaves out the effect: the machine has it in its fingerprint.
func printOp[C any](p *marker, o *op[C]) {
	p.num(uint64(o.kind))
	p.flags(o.done, o.sent)
	if o.done {
		p.event(o.answer)
	}
	printDeal(p, o.deal)
}

func printDeal[C any](p *marker, d *deal[C]) {
	if p.flags(d != nil); d == nil {
		return
	}
	p.flags(d.applied)
	p.num(uint64(len(d.inside)))
	for _, x := range d.inside {
		p.num(uint64(x.phase))
		p.num(uint64(x.op))
		p.text(string(x.conn))
		p.at(x.at)
		p.text(x.to)
		p.flags(x.closes)
		p.values(x.perform)
	}
}

func printConn[C, R any](p *marker, c *conn[C, R]) {
	p.num(uint64(c.node.number))
	p.flags(c.site != nil, c.open, c.over, c.closing, c.crashed, c.member, c.mustClose)
	if c.site != nil {
		p.text(c.site.key)
	}
	p.num(uint64(c.opened.UnixNano()))
	p.num(uint64(c.code))
	p.num(uint64(c.sent))
	p.num(uint64(len(c.seen)))
	for _, m := range c.seen {
		p.text(string(m))
	}
	p.num(uint64(len(c.work)))
	for _, w := range c.work {
		p.flags(w.done)
		p.num(uint64(w.on))
		p.value(w.effect)
		p.text(string(w.answer.Result))
		p.text(w.answer.Failed)
	}
	p.text(c.room)
	p.text(c.identity)
	p.at(c.since)
	p.at(c.last)
	p.values(c.owed)
	p.num(uint64(len(c.expect)))
	for _, e := range c.expect {
		p.at(e.at)
		p.text(e.to)
		p.flags(e.maybe)
	}
}
