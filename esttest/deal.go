package esttest

import "github.com/spinneyio/est/core"

// call is one run of a transition function.
type call struct {
	phase   phase
	conn    core.ConnID
	at      core.Position // delivering: of the message
	to      string        // delivering: whom it is for
	perform []any
	closes  bool
	drafted bool // an earlier transition of the same step has changed the state
	op      core.Op
	in, out []byte // the room's state before and after, if deep; nil where absent after
}

// deal is what was decided in one step of a machine.
type deal[C any] struct {
	here    []call // released with the step
	inside  []call // held until the commit has taken place
	applied bool   // it has
}

// end sorts what was called during a step: what the commit that ends it holds, and
// what was released at once. nil if nothing was called and nothing is committed.
func (p *probe[C, R]) end(fx []core.Effect) *deal[C] {
	commits := false
	var causes []core.Cause // of the commit
	for _, fx := range fx {
		if c, ok := fx.(core.Commit); ok {
			commits, causes = true, c.Causes
		}
	}
	switch {
	case !commits && len(p.calls) == 0:
		return nil
	case !commits:
		return p.deal(deal[C]{here: p.kept()})
	}
	calls, k := p.kept(), heldFrom(p.calls, causes)
	return p.deal(deal[C]{here: calls[:k:k], inside: calls[k:]})
}

// deal is a deal that is kept. Many of them share their memory, too.
func (p *probe[C, R]) deal(d deal[C]) *deal[C] {
	if len(p.deals) == cap(p.deals) {
		p.deals = make([]deal[C], 0, 32)
	}
	p.deals = append(p.deals, d)
	return &p.deals[len(p.deals)-1]
}

// kept is a copy of the calls. Many of them share their memory.
func (p *probe[C, R]) kept() []call {
	if cap(p.slab)-len(p.slab) < len(p.calls) {
		p.slab = make([]call, 0, max(64, len(p.calls)))
	}
	n := len(p.slab)
	p.slab = append(p.slab, p.calls...)
	return p.slab[n:len(p.slab):len(p.slab)]
}

// heldFrom is the index of the first call that a commit with these causes holds.
// The batch that was committed is the last one that was decided; those before it
// had deliveries only, and were released at once. A delivery is one call, another
// transition is none (a hello), one, or two (it leaves its room).
func heldFrom(calls []call, causes []core.Cause) int {
	k := len(calls)
	for i := len(causes) - 1; i >= 0; i-- {
		if causes[i].At.Seq > 0 {
			k--
			continue
		}
		for k > 0 && calls[k-1].phase != delivering && calls[k-1].conn == causes[i].Conn {
			k--
		}
	}
	return max(k, 0)
}
