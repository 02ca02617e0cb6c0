package esttest

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// fold looks whether what is committed follows from what was there: each function
// of the batch was given what the one before it left, the first what the store had.
func (s *sim[C, R]) fold(r *record, before broker.State, fx core.Commit, d *deal[C]) {
	put := false
	for _, x := range d.inside {
		put = put || x.op != core.Keep
	}
	if fx.Any && !put || len(d.inside) == 0 || d.inside[0].in == nil {
		return
	}
	value := valueOf(before)
	if first := d.inside[0].in; !s.same(value, first) {
		s.failWith("lost-update", diffJSON(s.canonical(value), first), "a commit to %s was decided on a room state that was not the one it replaced (-replaced +decided on)", strconv.Quote(r.key))
		return
	}
	for i, x := range d.inside {
		if i > 0 {
			if last := d.inside[i-1].out; !s.same(last, x.in) {
				s.failWith("lost-update", diffJSON(s.canonical(last), x.in), "within one commit to %s, %s was given another room state than the transition before it had left (-left +given)", strconv.Quote(r.key), phases[x.phase])
				return
			}
		}
	}
	last := d.inside[len(d.inside)-1].out
	if !put {
		last = value
	}
	if now := valueOf(r.state); !s.same(now, last) {
		s.failWith("lost-update", diffJSON(s.canonical(last), s.canonical(now)), "a commit to %s left another room state than its transitions had decided (-decided +stored)", strconv.Quote(r.key))
	}
}

// same says whether two room states are the same to the functions.
func (s *sim[C, R]) same(a, b []byte) bool {
	return bytes.Equal(a, b) && (a == nil) == (b == nil) || bytes.Equal(s.canonical(a), s.canonical(b))
}

// canonical is a room state as the functions see it: absent is the zero state.
func (s *sim[C, R]) canonical(value []byte) []byte {
	var v R
	if value != nil {
		if err := json.Unmarshal(value, &v); err != nil {
			return value
		}
	}
	b, err := marshal(v)
	if err != nil {
		return value
	}
	return b
}

// staleDeliveries looks whether each Deliver was given a state at least as new as
// the one that the commit of its message left.
func (s *sim[C, R]) staleDeliveries(t *site[C, R], d *deal[C]) {
	if !s.p.deep || d == nil {
		return
	}
	for _, calls := range [][]call{d.here, d.inside} {
		for _, x := range calls {
			if x.phase == delivering && x.in != nil && !s.recent(s.record(t.key), x) {
				s.fail("stale-state", "Deliver of %s for message %d of %s was given a room state that is older than the message: %s", x.conn, x.at.Seq, strconv.Quote(t.key), x.in)
			}
		}
	}
}

// recent says whether the room had the state that x was given when its message was
// published, or later. Within one commit it may also be one that nobody else has seen.
func (s *sim[C, R]) recent(r *record, x call) bool {
	for i := len(r.past) - 1; i >= 0; i-- {
		if s.same(r.past[i].value, x.in) {
			return true
		}
		if r.past[i].after < x.at.Seq {
			return x.drafted
		}
	}
	return x.drafted || s.same(x.in, nil)
}
