package core_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/spinneyio/est/core"
)

var lifeStorms = flag.Int("lifestorms", 150, "how many random lives TestLifeStorm tries")

// TestLifeStorm is TestStorm with crashes, pauses, outages, and instances that are
// given up while they live. Besides what TestStorm wants, the ledger wants that
// each member that joined leaves exactly once (a second Leave panics), whoever
// survives, and nothing is left in the end.
func TestLifeStorm(t *testing.T) {
	var sum tally3
	for seed := range *lifeStorms {
		s := &storm{Rand: rand.New(rand.NewPCG(uint64(seed), 7)), t: t, performed: map[string]int{}}
		s.cluster = newCluster(ledgerIntegration(seed%2 == 0, seed%3 != 0), 2+seed%3)
		s.opt = &core.RoomOptions{Batch: 1 + s.IntN(6), Hold: 2 + s.IntN(20), List: true, Wait: seed%5 > 1}
		s.faults, s.crashes = true, true
		s.print = func(line string) { s.lines = append(s.lines, line) }
		s.cluster.perform = func(effect any) core.Performed {
			s.performed[effect.(string)]++
			return core.Performed{Effect: effect}
		}
		if seed%10 == 0 {
			s.cluster.check = func(r *core.Room[ledgerData, ledger], fx []core.Effect, events []core.Event) {
				checkPure(t, r, fx, events)
			}
		}
		s.exist()
		l := &lifeStorm{storm: s, sum: &sum, paused: map[string]bool{}}
		l.run()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(s.lines, "\n"))
		}
	}
	t.Logf("%+v", sum)
	if sum.Crashes == 0 || sum.Expelled == 0 || sum.Orphans == 0 || sum.Late == 0 {
		t.Errorf("this test tests nothing: %+v", sum)
	}
}

// tally3 counts what happened, over all storms.
type tally3 struct{ Crashes, Expelled, Orphans, Late, Lost int }

type lifeStorm struct {
	*storm
	sum    *tally3
	paused map[string]bool
	out    int // steps for which the store is away
	sent   []lateRecord
}

type lateRecord struct {
	writer string
	fx     core.CommitRecord
}

func (s *lifeStorm) run() {
	defer func() {
		if p := recover(); p != nil {
			s.t.Errorf("panic: %v", p)
		}
	}()
	for range 600 {
		s.event()
	}
	s.heal()
	for _, id := range s.ids {
		s.leave(id)
	}
	s.rounds(40) // longer than any look
	s.sum.Orphans += s.reaped
	s.verifyLives()
}

// event is one step of a storm, or what only instances do.
func (s *lifeStorm) event() {
	s.now = s.now.Add(interval / 24)
	n := s.nodes[s.IntN(len(s.nodes))]
	if s.out > 0 {
		s.out--
	}
	switch k := s.IntN(40); {
	case k < 6:
		if !n.down && !s.paused[n.name] {
			s.live(n, core.Ticked{Now: s.now})
		}
	case k < 22:
		if len(s.lives) > 0 {
			s.lifeOp(s.lives[s.IntN(len(s.lives))])
		}
	case k == 26:
		s.crashOrRestart(n)
	case k == 27 && s.IntN(3) == 0:
		s.paused[n.name] = !s.paused[n.name]
		s.lines = append(s.lines, fmt.Sprintf("%s is paused: %v", n.name, s.paused[n.name]))
	case k == 28 && s.IntN(4) == 0:
		s.out = 20 + s.IntN(60)
		s.lines = append(s.lines, fmt.Sprintf("the store is away for %d steps", s.out))
	case k == 29:
		s.lateOne()
	default:
		s.inner(n)
	}
}

func (s *lifeStorm) lateOne() {
	if len(s.sent) > 0 {
		l := s.sent[0]
		s.sent = s.sent[1:]
		s.sum.Late++
		s.lines = append(s.lines, fmt.Sprintf("late: %v of %s → %v", l.fx, l.writer, s.commitRecord(l.writer, l.fx)))
	}
}

// inner is a step of the storm in which nobody paused or dead acts.
func (s *lifeStorm) inner(n *node[ledgerData, ledger]) {
	quiet := func(n *node[ledgerData, ledger]) bool { return n.down || s.paused[n.name] }
	switch k := s.IntN(10); {
	case k == 0 && len(s.ids) < 8 && !quiet(n):
		id := core.ConnID(fmt.Sprintf("c%d", len(s.ids)))
		s.ids = append(s.ids, id)
		s.open(slices.Index(s.nodes, n), id, core.Handshake{})
		s.send(id, mustJSON(ledgerData{User: "u", Room: s.aRoom()}))
	case k < 3 && len(s.ids) > 0:
		id := s.ids[s.IntN(len(s.ids))]
		if cl := s.clients[id]; cl.over || quiet(s.nodes[cl.node]) {
			return
		}
		s.storm.sent++
		switch s.IntN(6) {
		case 0:
			s.send(id, mustJSON(entry{Go: s.aRoom()}))
		case 1:
			s.leave(id)
		default:
			s.send(id, mustJSON(entry{Op: fmt.Sprintf("%s/%d", id, s.storm.sent)}))
		}
	case k < 8 && len(s.ops) > 0:
		o := s.ops[s.IntN(len(s.ops))]
		_, commit := o.fx.(core.Commit)
		switch {
		case quiet(o.n) && (o.done || !commit): // a commit that was sent may arrive all the same
		case s.out == 0 || o.done && !commit:
			s.oneOp(o)
		case commit:
			s.answer(o, core.Unanswered{N: o.fx.(core.Commit).N})
		}
	default:
		if l := s.aLink(); l != nil && !quiet(l.n) {
			s.hear(l)
		}
	}
}

func (s *lifeStorm) lifeOp(o *lifeOp[ledgerData, ledger]) {
	fail := failLife(o.fx)
	commit, isCommit := o.fx.(core.CommitRecord)
	switch {
	case !o.done && s.paused[o.n.name] && !isCommit:
	case s.out > 0 && !o.done && fail != nil:
		s.answerLife(o, fail)
	case s.out > 0:
	case !o.done && isCommit && s.IntN(12) == 0: // it will arrive, or will not
		s.sent = append(s.sent, lateRecord{o.life.Writer(), commit})
		s.answerLife(o, fail)
	case !o.done:
		if r, ok := o.fx.(core.Reap); ok {
			s.lines = append(s.lines, fmt.Sprintf("%s reaps %v", o.n.name, r))
		}
		s.doLife(o)
	case s.paused[o.n.name] || o.answer == nil:
	case fail != nil && s.IntN(12) == 0:
		s.sum.Lost++
		s.answerLife(o, fail)
	default:
		s.answerLife(o, o.answer)
	}
}

func (s *lifeStorm) crashOrRestart(n *node[ledgerData, ledger]) {
	switch {
	case n.down:
		s.lines = append(s.lines, n.name+" is started again")
		s.sum.Expelled += n.expels
		s.restart(n)
	case s.IntN(6) == 0:
		s.lines = append(s.lines, n.name+" crashes")
		for _, o := range s.ops {
			if fx, ok := o.fx.(core.Commit); ok && o.n == n && !o.done {
				s.late = append(s.late, late{n.writer(o.r), o.r.Key(), fx})
			}
		}
		s.sum.Crashes++
		s.crash(n)
	}
}

// heal ends all faults. What is late arrives somewhere in the rounds that follow.
func (s *lifeStorm) heal() {
	s.faults, s.out = false, 0
	clear(s.paused)
	if !slices.ContainsFunc(s.nodes, func(n *node[ledgerData, ledger]) bool { return !n.down }) {
		s.lines = append(s.lines, "all died: the next one starts")
		s.restart(s.nodes[0])
	}
	s.settleAll()
	s.rounds(s.IntN(8))
	for _, l := range s.late {
		s.lines = append(s.lines, fmt.Sprintf("late: %v → %v", l.fx, s.commit(l.writer, l.key, l.fx)))
	}
	for len(s.sent) > 0 {
		s.lateOne()
	}
	s.rounds(40)
	s.verify(false)
}

// verifyLives wants that nothing is left but the instances that live, and nothing
// of them once they have ended.
func (s *lifeStorm) verifyLives() {
	var want []string
	directory := core.Directory + ":"
	for _, n := range s.nodes {
		s.sum.Expelled += n.expels
		if !n.down {
			want = append(want, "instance/"+n.name+": alive")
		}
	}
	var names []string
	for _, n := range s.nodes {
		if !n.down {
			names = append(names, n.name)
		}
	}
	slices.Sort(names)
	want = append(want, directory+" "+strings.Join(names, " "))
	slices.Sort(want)
	if got := s.records(); !slices.Equal(got, want) {
		s.t.Errorf("the store has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.verifyEmpty()
	for _, n := range s.nodes {
		if !n.down {
			s.live(n, core.Stopped{})
		}
	}
	s.settleAll()
	if got := s.records(); len(got) > 0 {
		s.t.Errorf("after the end the store has\n%s", strings.Join(got, "\n"))
	}
}
