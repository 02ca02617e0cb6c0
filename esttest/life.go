package esttest

import (
	"slices"
	"time"

	"github.com/spinneyio/est/core"
)

// A crash is a Leave here too: each instance has a [core.Life], which lists the rooms
// that it enters, has a heartbeat, and gives up who has none. As long as nothing has
// happened that this is for, it would only cost time: then it is asleep.

// liveness is how closely it is looked at.
type liveness uint8

const (
	asleep  liveness = iota // there are no Lifes, and no room has to be listed
	awake                   // what Lifes ask of the store happens at once; to list a room and to reap one are steps
	closely                 // all of it is steps, and may fail
)

// lively are the faults that it is for.
const lively = Crash | Pause | Outage

// The figures of a Life, small so that little has to happen until it acts.
const (
	heartbeat = 2 * time.Second
	lease     = 2  // rounds
	lastLook  = 12 // rounds
)

// pulse is the Life of one start of an instance, and what is under way for it.
type pulse struct {
	m      *core.Life
	chores []chore
	inbox  []core.LifeEvent // of the step that is under way

	shared bool      // a clone of the cluster has the same machine
	print  *[16]byte // fingerprint of the machine; nil: not known
}

// chore is what a Life asked for: a LoadRecord, a CommitRecord or a Reap.
type chore struct {
	fx      core.LifeEffect
	done    bool            // it took place; the answer is on its way
	answer  core.LifeEvent  // then; not of a Reap
	orphans []core.Orphaned // then; of a Reap
}

// own makes the machine one that nobody shares, and that is about to change.
func (p *pulse) own() {
	if p.shared {
		p.m, p.shared = p.m.Clone(), false
	}
	p.print = nil
}

// wake has Lifes from here on, as if they had been there since the start.
func (s *sim[C, R]) wake() {
	if s.liveness != asleep {
		return
	}
	s.liveness, s.beaten = awake, s.now
	for _, n := range s.nodes {
		if !n.up {
			continue
		}
		paused, away := n.paused, n.away
		n.paused, n.away = false, false
		s.exist(n, "")
		for _, t := range n.sites {
			s.live(n, core.Wanted{Room: t.key})
		}
		n.paused, n.away = paused, away
	}
}

// exist begins the Life of an instance.
func (s *sim[C, R]) exist(n *node[C, R], previous string) {
	o := &core.LifeOptions{Interval: heartbeat, Lease: lease, LastLook: lastLook}
	n.pulse = &pulse{m: core.NewLife(n.writer, previous, o)}
	s.live(n, core.Ticked{Now: s.beaten})
}

// live gives events to the Life of an instance, and carries out what it asks for. It
// is not for the middle of a step of a room's machine: see post.
func (s *sim[C, R]) live(n *node[C, R], events ...core.LifeEvent) {
	p := n.pulse
	p.own()
	buf := s.lifeFx
	s.lifeFx = nil // a nested call must not write into it
	asked := p.m.Step(buf, events...)
	for _, fx := range asked {
		switch fx := fx.(type) {
		case core.LoadRecord, core.CommitRecord, core.Reap:
			p.chores = append(p.chores, chore{fx: fx})
		case core.Admit:
			s.admit(n, fx.Room)
		case core.Expel:
			s.expel(n)
		case core.Report:
			s.fail("outcome", "%s: %s", fx.What, fx.Text)
		}
	}
	clear(asked)
	s.lifeFx = asked[:0]
	s.keepUp(n)
}

// keepUp has what a Life asks of the store happen at once, where that is no step.
func (s *sim[C, R]) keepUp(n *node[C, R]) {
	for s.liveness == awake && !n.paused && !n.away {
		i := slices.IndexFunc(n.pulse.chores, func(c chore) bool { return c.kind() != reap })
		if i < 0 {
			return
		}
		if !n.pulse.chores[i].done {
			s.doChore(n, i)
		}
		s.answerChore(n, i)
	}
}

// post has an event come to the Life of an instance when the step that is under way
// is over.
func (s *sim[C, R]) post(n *node[C, R], ev core.LifeEvent) {
	if n.pulse != nil {
		n.pulse.inbox = append(n.pulse.inbox, ev)
	}
}

// deliver gives the Lifes what was posted.
func (s *sim[C, R]) deliver() {
	for i := 0; s.liveness != asleep && i < len(s.nodes); i++ {
		n := s.nodes[i]
		for n.pulse != nil && len(n.pulse.inbox) > 0 {
			events := n.pulse.inbox
			n.pulse.inbox = nil
			s.live(n, events...)
		}
	}
}

// expel has an instance start again that the others have given up. The machines of
// its rooms go on until they are idle.
func (s *sim[C, R]) expel(n *node[C, R]) {
	was := n.writer
	s.christen(n)
	s.tellf(n.lane(), n.lane(), false, "finds that it was taken for dead, and starts again as %s", n.writer)
	var retired []*site[C, R]
	for _, t := range n.sites {
		if !t.retired {
			t.retired, retired = true, append(retired, t)
		}
	}
	s.exist(n, was)
	for _, t := range retired {
		s.happen(t, core.Expelled{})
		if t.list.kind == enlist {
			s.giveUp(t)
		}
	}
}
