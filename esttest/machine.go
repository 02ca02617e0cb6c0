package esttest

import (
	"slices"

	"github.com/spinneyio/est/core"
)

// What a room's machine is told, and what becomes of what it asks for.

// happen gives events to a machine and carries out what it asks for.
func (s *sim[C, R]) happen(t *site[C, R], events ...core.Event) {
	s.p.begin(s)
	buf := s.fx
	s.fx = nil // a nested call must not write into it
	t.own()
	fx := t.m.Step(buf, events...)
	d := s.p.end(fx)
	s.staleDeliveries(t, d)
	for _, fx := range fx {
		s.carryOut(t, fx, d)
	}
	s.settleDeal(d)
	clear(fx)
	s.fx = fx[:0]
	if t.key != "" && t.m.Idle() {
		if !t.retired {
			t.n.after = max(t.n.after, t.m.Number())
			s.post(t.n, core.Unwanted{Room: t.key, Unsure: t.unsure})
		}
		t.n.sites = slices.DeleteFunc(t.n.sites, func(o *site[C, R]) bool { return o == t })
	}
}

func (s *sim[C, R]) carryOut(t *site[C, R], effect core.Effect, d *deal[C]) {
	switch fx := effect.(type) {
	case core.Send:
		for _, id := range fx.To {
			s.receive(t, s.connOf(id), fx)
		}
	case core.Close:
		c := s.connOf(fx.Conn)
		c.closing, c.code = true, fx.Code
		s.closeWatched(c)
		if c.open {
			c.open, s.changed = false, true
			s.tellf(t.n.lane(), c.lane(), false, "close %v", fx.Code)
		}
	case core.Perform:
		if t.isOrphan(fx.Conn) {
			s.orphanPerforms(t, fx)
			return
		}
		c := s.connOf(fx.Conn)
		s.performWatched(c, fx, d)
		c.work = append(c.work, work{effect: fx.Effect, on: t.n.number})
	case core.Move:
		c := s.connOf(fx.Conn)
		c.site = s.site(t.n, fx.Room)
		s.happen(c.site, append([]core.Event{fx.Entered}, fx.Waiting...)...)
	case core.Gone:
		if t.isOrphan(fx.Conn) {
			s.orphanGone(t, fx.Conn)
			return
		}
		s.connOf(fx.Conn).site = nil
	case core.Report:
		s.reported(fx)
	case core.Subscribe, core.Unsubscribe:
		kind := subscribe
		if _, off := effect.(core.Unsubscribe); off {
			kind = unsubscribe
		}
		t.link = op[C]{kind: kind, fx: effect}
	case core.List:
		t.list = op[C]{kind: enlist, fx: effect}
	case core.Load:
		t.ask = op[C]{kind: load, fx: effect}
	case core.Commit:
		if fx.Again == 0 {
			t.given = 0
		} else if last := t.ask.deal; last != nil {
			d = last // what was decided is still the same
		}
		t.ask = op[C]{kind: commit, fx: effect, deal: d}
	}
}

// receive has a client get a message.
func (s *sim[C, R]) receive(t *site[C, R], c *conn[C, R], fx core.Send) {
	if c.closing || c.over {
		s.fail("send-after-close", "%v is sent %s after its connection was closed", c.name, fx.Message)
	}
	if fx.Cause.At.Seq > 0 && s.p.user.Deliver == nil {
		s.heard(c, t.key, fx.Cause.At, s.logged(fx.Message).to)
	}
	if !c.open {
		s.tell(t.n.lane(), c.lane(), true, s.text(fx.Message))
		return
	}
	s.changed = true
	c.seen = append(c.seen, fx.Message)
	s.tell(t.n.lane(), c.lane(), false, s.text(fx.Message))
}

// say gives an event of a connection to the machine that has it.
func (s *sim[C, R]) say(c *conn[C, R], ev core.Event) {
	if c.site != nil {
		s.happen(c.site, ev)
	}
}
