package esttest

import "hash/maphash"

// replay runs a list of decisions, passing over those that are not possible.
func (x *explorer[C, R]) replay(list []step) verdict {
	v, _ := x.replayed(list, false, false)
	return v
}

// replayed also tells what happens, if it traces. If it is strict, what the model
// can't have a client say is not possible either.
func (x *explorer[C, R]) replayed(list []step, strict, tracing bool) (verdict, *sim[C, R]) {
	stats := *x.stats // what is exercised by a replay doesn't count
	stats.Seen = map[string]bool{}
	deep := x.p.deep
	x.p.deep = true
	defer func() { x.p.deep = deep }()
	s := newSim(x.p, x.model, x.o.Instances, x.o.Clients, allFaults, &stats)
	s.tracing = tracing
	var done []step
	for _, st := range list {
		x.buf = s.options(x.buf[:0])
		ch, ok := s.find(st, x.buf)
		if !ok || strict && ch.do == send && !could(x.said, s, s.conns[ch.at], ch.text) {
			continue
		}
		done = append(done, st)
		s.decide(ch)
		if s.failed != nil {
			break
		}
	}
	return x.end(s, done), s
}

// repeat does a run again: the same decisions must lead to the same end.
func (x *explorer[C, R]) repeat(first verdict) verdict {
	second := x.replay(first.steps)
	if second.failed == nil && second.digest != first.digest && !x.p.disabled["determinism"] {
		second.failed = &violation{check: "determinism", text: "the same decisions, run twice, led to different ends: a function of the integration or of the model depends on more than its arguments"}
	}
	return second
}

// digest is a hash of all that can be seen at the end of a run, the same within a
// process.
func (s *sim[C, R]) digest() uint64 {
	var p marker
	for _, c := range s.conns {
		p.text(string(c.id))
		p.num(uint64(c.code))
		p.flags(c.open)
		p.num(uint64(len(c.seen)))
		for _, m := range c.seen {
			p.text(string(m))
		}
	}
	for _, r := range s.rooms {
		p.text(r.key)
		p.record(coreRecord(r.state.Record(false)))
	}
	p.num(uint64(len(s.effects)))
	return maphash.Bytes(markSeeds[0], p)
}
