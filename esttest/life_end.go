package esttest

import (
	"slices"
	"strings"

	"github.com/spinneyio/est/core"
)

// After the faults: who died is reaped, and who was taken for dead is told.

// mostRounds is more than it takes.
const mostRounds = 3 * (3*lease + lastLook)

// heedNoMore has what Lifes ask of the store happen at once again.
func (s *sim[C, R]) heedNoMore() {
	s.liveness = min(s.liveness, awake)
	for _, n := range s.nodes {
		if n.up {
			s.keepUp(n)
		}
	}
	s.deliver()
}

// outlive has rounds until that is so; if everything is looked at, until nothing is
// left of the dead in est's own records.
func (s *sim[C, R]) outlive() {
	if s.liveness == asleep {
		return
	}
	if !slices.ContainsFunc(s.nodes, func(n *node[C, R]) bool { return n.up }) {
		s.tell(s.nodes[0].lane(), s.nodes[0].lane(), false, "starts again")
		s.start(s.nodes[0])
	}
	for i := range mostRounds {
		s.settle(nil)
		if s.failed != nil || i > 0 && s.outlived() {
			return
		}
		s.round()
	}
}

// outlived says whether it is so.
func (s *sim[C, R]) outlived() bool {
	living, known := s.living(), 0
	for _, m := range s.own(core.Directory).members() {
		switch {
		case living[m.ID]:
			known++
		case s.p.deep || !strings.HasPrefix(m.ID, deadPrefix):
			return false
		}
	}
	if known < len(living) {
		return false
	}
	for _, c := range s.conns {
		if c.member && !living[c.machine] {
			return false
		}
	}
	return true
}

// living are the names of the instances that run.
func (s *sim[C, R]) living() map[string]bool {
	living := map[string]bool{}
	for _, n := range s.nodes {
		if n.up {
			living[n.writer] = true
		}
	}
	return living
}

// outlivedWatched looks at what must be then.
func (s *sim[C, R]) outlivedWatched() {
	for _, c := range s.conns {
		if c.crashed && c.open {
			s.fail("missed-message", "%v is connected and no member any more, since others took its instance for dead, and it was never told to come back", c.name)
		}
	}
	for _, d := range s.debts {
		s.fail("effects", "%s ran the Leave of %s, whose instance was dead, which asked for the side effect %s: that was never performed", d.writer, d.conn, show(d.effect))
	}
}

// desertedWatched looks at est's own records when everybody has left.
func (s *sim[C, R]) desertedWatched() {
	if s.liveness == asleep || !s.p.deep {
		return
	}
	var left string
	for range lastLook + 2 { // rooms are taken off the lists in no hurry
		s.round()
		if left = s.leftOver(); left == "" {
			return
		}
	}
	s.fail("clean-up", "everybody has left, the dead are long dead, and est's own record %s", left)
}

// leftOver is what est's own records have beside who lives.
func (s *sim[C, R]) leftOver() string {
	living := s.living()
	for _, r := range s.registry {
		writer, list := strings.CutPrefix(r.key, "instance/")
		for _, m := range r.members() {
			if list && (!living[writer] || strings.HasPrefix(m.ID, "/")) || !list && !living[m.ID] {
				return r.key + " still has " + m.ID
			}
		}
	}
	return ""
}
