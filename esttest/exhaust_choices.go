package esttest

import (
	"slices"
	"strconv"
)

// What may happen next in a scope.

// budget is what may still happen from a state on, beside what clients do.
type budget struct{ faults, outside, lapses int }

func (b budget) after(v verb) budget {
	switch {
	case v == outside:
		b.outside--
	case v == lapse:
		b.lapses--
	case v.fault(): // to start again is one too
		b.faults--
	}
	return b
}

// choices appends what may happen at a state of the scope.
func (x *search[C, R]) choices(to []choice, s *sim[C, R], left budget) []choice {
	first := len(to)
	x.buf = s.options(x.buf[:0])
	for _, ch := range x.buf {
		switch {
		case left.after(ch.do).faults < 0 || left.after(ch.do).lapses < 0:
		case ch.do == heed || ch.do == round && s.liveness != asleep: // a lapse is as many rounds as it takes
		case ch.do == round: // rooms are listed from the first one on
			return append(to[:first], ch)
		case ch.do == wait:
		case ch.do == ask && ch.op != enlist, ch.op == enlist && ch.do == perform: // ask is perform and answer: for a list nothing lies between
		case ch.do == effectAsk && x.p.user.Performed != nil: // likewise
		case ch.do == connect:
			if s.clients[ch.at].lives < x.scope.Lives && !s.twin(s.nodes[ch.inst-1]) {
				to = append(to, ch)
			}
		case ch.do == send:
			if s.conns[ch.at].sent < x.scope.Messages {
				to = x.sends(to, s, ch)
			}
		case ch.do == outside:
			for seed := range x.scope.Values * min(left.outside, 1) {
				ch.text = strconv.Itoa(seed)
				to = append(to, ch)
			}
		default:
			to = append(to, ch)
		}
	}
	return to
}

// twin says whether an instance before n is as untouched as n: what can happen on
// the one can happen on the other.
func (s *sim[C, R]) twin(n *node[C, R]) bool {
	return s.untouched(n) && slices.ContainsFunc(s.nodes[:n.number-1], s.untouched)
}

func (s *sim[C, R]) untouched(n *node[C, R]) bool {
	return n.life == 1 && n.up && !n.paused && !n.away && !n.cut &&
		!slices.ContainsFunc(s.conns, func(c *conn[C, R]) bool { return c.node == n })
}

// sends appends one choice for each message that a client may send.
func (x *search[C, R]) sends(to []choice, s *sim[C, R], ch choice) []choice {
	c := s.conns[ch.at]
	v := c.view()
	p := marker(x.bytes[:0])
	for _, n := range []int{v.index, v.life, v.sent, len(v.seen)} {
		p.num(uint64(n))
	}
	for _, m := range v.seen {
		p.text(string(m))
	}
	x.bytes = p
	texts, ok := x.texts[string(p)]
	if !ok {
		for seed := 0; seed < 16*x.scope.Values && len(texts) < x.scope.Values; seed++ {
			if text, ok := s.generate(c, seed); ok && !slices.Contains(texts, text) {
				texts = append(texts, text)
			} else if !ok || x.scope.Values == 1 {
				break
			}
		}
		x.texts[string(p)] = texts
	}
	for _, text := range texts {
		ch.text = text
		to = append(to, ch)
	}
	return to
}
