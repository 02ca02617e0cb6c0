package esttest

import (
	"time"

	"github.com/spinneyio/est/core"
)

// Rounds: an interval goes by, and every instance that runs has a heartbeat.

// maxRounds is how many there may be before the faults end: fewer than those after
// which the rooms of a dead instance are looked at last, so that whatever comes late
// is in time for that.
const maxRounds = lastLook

// roundOptions is how time may pass for Lifes.
func (s *sim[C, R]) roundOptions(to []choice) []choice {
	if s.steps == 0 && s.liveness == asleep { // so that all of a run may be with Lifes
		return append(to, choice{do: heed}, choice{do: round})
	}
	if s.rounds < maxRounds && s.troubled() {
		to = append(to, choice{do: round})
		if s.liveness != closely && s.rounds+lease < maxRounds {
			to = append(to, choice{do: lapse})
		}
	}
	return to
}

// troubled says whether there is anybody who might be given up, or was.
func (s *sim[C, R]) troubled() bool {
	for _, n := range s.nodes {
		if !n.up || n.paused || n.away {
			return true
		}
	}
	return s.liveness == closely || s.liveness == awake && s.deadOnes()
}

func (s *sim[C, R]) runRound(do verb) {
	s.wake()
	switch do {
	case heed:
		s.liveness = closely
		s.tell(lane{}, lane{}, false, "each thing that an instance does to be known as alive is a step from now on")
	case round:
		s.tell(lane{}, lane{}, false, "a heartbeat goes by")
		s.round()
	case lapse:
		s.tellf(lane{}, lane{}, false, "%d heartbeats go by: who has none is taken for dead", lease+1)
		for range lease + 1 {
			s.round()
		}
	}
}

func (s *sim[C, R]) round() {
	s.rounds++
	if !s.still {
		s.now = s.now.Add(heartbeat)
	}
	s.beat(s.now)
}

func (s *sim[C, R]) beat(now time.Time) {
	s.beaten = now
	for _, n := range s.nodes {
		if !n.up || n.paused {
			continue
		}
		if n.away {
			s.timeOut(n)
		}
		s.live(n, core.Ticked{Now: now})
	}
	s.deliver()
}

// timeOut ends what a Life has asked of a store that can't be reached. A room that is
// to be reaped is asked for until it can.
func (s *sim[C, R]) timeOut(n *node[C, R]) {
	var left []chore
	var events []core.LifeEvent
	for _, c := range n.pulse.chores {
		switch fx := c.fx.(type) {
		case core.LoadRecord:
			events = append(events, core.RecordUnread(fx))
		case core.CommitRecord:
			events = append(events, core.RecordUnanswered{Record: fx.Record, N: fx.N})
		default:
			left = append(left, c)
		}
	}
	n.pulse.chores = left
	s.live(n, events...)
}

// catchUp has the rounds that are due by the clock, for a cluster whose time is told.
func (s *sim[C, R]) catchUp(settle func()) {
	for s.liveness != asleep && s.failed == nil && s.now.Sub(s.beaten) >= heartbeat {
		s.beat(s.beaten.Add(heartbeat))
		settle()
	}
}
