package core_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// TestStoreGoesBack has the store forget the last of what it was told, or all of it,
// at random: some records of it, as when one node of several fails, or all. Nobody can
// keep what is lost; but in the end the members are who is there, and whoever dies
// then leaves: but for those whose Leave was forgotten itself.
func TestStoreGoesBack(t *testing.T) {
	var sum struct{ Backs, Closed, Crashes int }
	usual := lifeOptions
	lifeOptions = &core.LifeOptions{Interval: interval, Lease: 12, LastLook: 12} // nobody is given up who lives
	defer func() { lifeOptions = usual }()
	for seed := range *lifeStorms {
		in := ledgerIntegration(false, seed%2 == 0)
		in.Leave = func(c core.Conn, d ledgerData, l ledger) core.Outcome[ledgerData, ledger] { // it may find nothing
			l.Here = slices.DeleteFunc(l.Here, func(id string) bool { return id == string(c.ID) })
			return core.Outcome[ledgerData, ledger]{Room: core.Put(l)}
		}
		s := &storm{Rand: rand.New(rand.NewPCG(uint64(seed), 11)), t: t, performed: map[string]int{}}
		s.cluster = newCluster(in, 2+seed%2)
		s.opt = &core.RoomOptions{Batch: 1 + s.IntN(6), List: true, Wait: seed%3 > 0}
		s.print = func(line string) { s.lines = append(s.lines, line) }
		s.exist()
		b := &backStorm{lifeStorm: &lifeStorm{storm: s, sum: &tally3{}, paused: map[string]bool{}}, risen: map[string]bool{}}
		for range 400 {
			b.event()
		}
		b.settleAll()
		b.rounds(40)
		b.verifyMembers()
		n := s.nodes[s.IntN(len(s.nodes))]
		s.lines = append(s.lines, n.name+" crashes")
		s.crash(n)
		b.rounds(40)
		b.verifyMembers()
		for _, c := range s.clients {
			if c.closed == core.CloseComeBack {
				sum.Closed++
			}
		}
		sum.Backs += b.backs
		sum.Crashes++
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(s.lines, "\n"))
		}
	}
	t.Logf("%+v", sum)
	if sum.Backs == 0 || sum.Closed == 0 {
		t.Errorf("this test tests nothing: %+v", sum)
	}
}

// backStorm is a storm in which nothing fails but the store.
type backStorm struct {
	*lifeStorm
	saved map[string]broker.State
	risen map[string]bool // members again, since their Leave was forgotten
	backs int
}

func (s *backStorm) event() {
	switch s.IntN(30) {
	case 0:
		s.saved = map[string]broker.State{}
		for key, state := range s.store {
			s.saved[key] = state
		}
	case 1:
		if s.IntN(4) == 0 {
			s.goBack()
		}
	default:
		if o := s.lifeStorm; s.IntN(2) == 0 {
			o.now = o.now.Add(interval / 12)
			o.inner(s.nodes[s.IntN(len(s.nodes))])
		} else if n := s.nodes[s.IntN(len(s.nodes))]; s.IntN(6) == 0 {
			s.live(n, core.Ticked{Now: s.now})
		} else if len(s.lives) > 0 {
			l := s.lives[s.IntN(len(s.lives))]
			if s.doLife(l); l.answer != nil {
				s.answerLife(l, l.answer)
			}
		}
	}
}

// goBack has the store go back to what was saved last: all of it, or what one node has.
// Who is subscribed is told that nobody knows.
func (s *backStorm) goBack() {
	s.backs++
	var keys []string
	for key := range s.store {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if s.IntN(2) == 0 && len(keys) > 0 {
		keys = []string{keys[s.IntN(len(keys))]}
	}
	for _, key := range keys {
		s.lines = append(s.lines, fmt.Sprintf("the store goes back: %s", key))
		now := s.store[key].Record(true).Members
		for _, m := range s.saved[key].Record(true).Members {
			if !slices.ContainsFunc(now, func(n broker.Member) bool { return n.ID == m.ID }) {
				s.risen[m.ID] = true
			}
		}
		if old, was := s.saved[key]; was {
			s.store[key] = old
		} else {
			delete(s.store, key)
		}
	}
	for _, l := range slices.Clone(s.links) {
		if slices.Contains(keys, l.r.Key()) {
			l.queue = nil
			s.happen(l.n, l.r, core.Doubted{})
		}
	}
}

// verifyMembers wants the members to be who is there.
func (s *backStorm) verifyMembers() {
	s.t.Helper()
	for _, key := range []string{"q", "r"} {
		var here, members []string
		for _, id := range s.ids {
			c := s.clients[id]
			if n := s.nodes[c.node]; c.closed == 0 && !c.over && n.home[id] != nil && n.home[id].Key() == key {
				here = append(here, string(id))
			}
		}
		for _, m := range s.store[key].Record(true).Members {
			if !s.risen[m.ID] || slices.Contains(here, m.ID) {
				members = append(members, m.ID)
			}
		}
		slices.Sort(here)
		if !slices.Equal(here, members) {
			s.t.Errorf("in %s are %v, and its members are %v", key, here, members)
		}
	}
}
