package esttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
)

// ledger has who is in the room. Who joins twice panics.
type ledger struct{ Here []core.ConnID }

type ledgerOutcome = core.Outcome[string, ledger]

// ledgers performs a side effect for each Leave that counts: its connection's id; and
// for each "act".
func ledgers() core.Integration[string, ledger] {
	return core.Integration[string, ledger]{
		Name: "ledger",
		Authenticate: func(_ core.Conn, hello core.Message) (room string, f *core.Failure) {
			if hello.Decode(&room) != nil {
				return "", &core.Failure{Code: 1}
			}
			return room, nil
		},
		Identity: func(core.Conn, string) string { return "all" },
		Room:     func(_ core.Conn, room string) string { return room },
		Join: func(c core.Conn, _ string, r ledger) ledgerOutcome {
			if slices.Contains(r.Here, c.ID) {
				panic("it is here already")
			}
			return ledgerOutcome{Room: core.Put(ledger{append(slices.Clone(r.Here), c.ID)})}
		},
		Receive: func(_ core.Conn, _ string, _ ledger, m core.Message) ledgerOutcome {
			out := ledgerOutcome{Reply: m, Publish: []core.Publication{core.ToAll(m)}}
			if string(m) == `"act"` {
				out.Perform = []any{"done"}
			}
			return out
		},
		Leave: func(c core.Conn, _ string, r ledger) ledgerOutcome {
			rest := slices.DeleteFunc(slices.Clone(r.Here), func(id core.ConnID) bool { return id == c.ID })
			out := ledgerOutcome{Perform: []any{c.ID}, Room: core.Put(ledger{rest})}
			if len(rest) == 0 {
				out.Room = core.Delete[ledger]()
			}
			return out
		},
	}
}

var ledgerModel = Model[string, ledger]{
	Client: func(c ClientView) *rapid.Generator[any] {
		if c.Sent() == 0 {
			return rapid.SampledFrom([]any{"r", "r", "q"})
		}
		return rapid.Just[any]("hi")
	},
	Always: func(w *World[string, ledger]) error {
		left := map[any]bool{}
		for _, id := range w.Performed() {
			if left[id] {
				return fmt.Errorf("%v has left twice", id)
			}
			left[id] = true
		}
		return nil
	},
}

// Two connections on two instances, of which one crashes at any point.
func TestCrashAtEveryPoint(t *testing.T) {
	s := Scope{Messages: 1, Faults: Faults{Kinds: Crash}, Time: time.Hour}
	if slower > 1 {
		s.Clients = 1
	}
	x, err := newSearch(ledgers(), &ledgerModel, s)
	if err != nil {
		t.Fatal(err)
	}
	if f := x.search(); f != nil {
		t.Fatal(f.History)
	}
	if !strings.HasPrefix(x.summary(), "complete") {
		t.Error("not every point was come to")
	}
	t.Log(x.summary())
}

// Survivors race, fail and die too, and each Leave counts once.
func TestSurvivorsRace(t *testing.T) {
	for _, kinds := range []Fault{Crash | Pause, Crash | Pause | CommitFails | ReplyLost, lively | LateCommit | ReplyLost, Redis} {
		o := &Options{Instances: 3, Runs: atRest(800), Seed: 1, Faults: Faults{Kinds: kinds, Max: 8}}
		x := newExplorer(ledgers(), &ledgerModel, o)
		reaped, expelled := 0, 0
		leave := x.p.seen.Leave
		x.p.seen.Leave = func(c core.Conn, data string, r ledger) ledgerOutcome {
			if x.p.s.connOf(c.ID).crashed {
				reaped++
			}
			for _, n := range x.p.s.nodes {
				if n.pulse != nil && slices.ContainsFunc(n.sites, func(t *site[string, ledger]) bool { return t.retired }) {
					expelled++
				}
			}
			return leave(c, data, r)
		}
		if f := x.report().Failure; f != nil {
			t.Fatalf("%v: %s", kinds, f.History)
		}
		if t.Logf("%v: %d Leaves by survivors, %d while an instance that was expelled ends", kinds, reaped, expelled); slower == 1 && (reaped < 50 || expelled < 25) {
			t.Error("that shows little")
		}
	}
}

// theatre is a cluster that does what it is told.
type theatre struct {
	t *testing.T
	*sim[string, ledger]
}

func newTheatre(t *testing.T) theatre {
	x := newExplorer(ledgers(), &ledgerModel, &Options{Instances: 2, Clients: 2, Seed: 1})
	x.p.deep = true
	s := x.sim()
	s.allowed = allFaults
	s.tracing = true
	return theatre{t, s}
}

// play has steps happen, one a line.
func (s theatre) play(script string) {
	s.t.Helper()
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		st, err := parseStep(line)
		if err != nil {
			s.t.Fatal(err)
		}
		ch, ok := s.find(st, s.options(nil))
		if !ok {
			s.t.Fatalf("%q is not possible:\n%v", line, s.possible())
		}
		if s.decide(ch); s.failed != nil {
			s.t.Fatalf("%q: %v", line, *s.failed)
		}
	}
}

// possible is the names of all that could happen next.
func (s theatre) possible() (names []step) {
	for _, ch := range s.options(nil) {
		names = append(names, s.named(ch))
	}
	return names
}

// members are the connections that the store has in "r".
func (s theatre) members() (names []string) {
	for _, m := range s.record("r").state.Record(true).Members {
		names = append(names, s.connOf(core.ConnID(m.ID)).name.String())
	}
	slices.Sort(names)
	return names
}

func (s theatre) want(what string, got, want any) {
	s.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// ended heals the cluster, and wants that nothing is wrong.
func (s theatre) ended() {
	s.t.Helper()
	if s.finish(); s.failed != nil {
		s.t.Errorf("in the end: %v", *s.failed)
	}
	s.want("members in the end", s.members(), []string{})
}

const bothJoin = `
	round
	connect c1 i1
	send c1 "r"
	ask i1 subscribe "r"
	ask i1 list "r"
	ask i1 load "r"
	ask i1 commit "r"
	connect c2 i2
	send c2 "r"
	ask i2 subscribe "r"
	ask i2 list "r"
	ask i2 load "r"
`

// An instance that stood still was taken for dead. Its connections are told to come
// back, in whatever order that and its Leaves happen.
func TestPausedIsExpelled(t *testing.T) {
	s := newTheatre(t)
	s.play(bothJoin + `
		ask i2 commit "r"
		pause i2
		lapse
		ask i1 reap "r"
		ask i1 load "r"
		ask i1 commit "r"`)
	s.want("members", s.members(), []string{"c1"})
	s.play("resume i2\nround")
	c2 := s.connOf(s.clients[1].conn.id)
	s.want("c2 is open", c2.open, false)
	s.want("its close", c2.code, core.CloseComeBack)
	s.want("who stood still", s.nodes[1].writer, "i2.2")
	s.ended()
}

// A message is lost, and nothing comes behind it: in the end it is told.
func TestLastMessageIsLost(t *testing.T) {
	s := newTheatre(t)
	s.play(bothJoin + `
		ask i2 commit "r"
		send c1 "hi"
		ask i1 commit "r"
		ask i1 commit "r"
		drop i2 "r"`)
	s.heal()
	c2 := s.connOf(s.clients[1].conn.id)
	s.want("the close of c2", c2.code, core.CloseComeBack)
	s.ended()
}

// A join that was on its way when its instance died lands after the room was reaped:
// the next look finds it.
func TestLateJoinOfTheDead(t *testing.T) {
	s := newTheatre(t)
	s.play(bothJoin + `
		crash i2
		lapse
		ask i1 reap "r"`)
	s.want("members", s.members(), []string{"c1"})
	s.play(`land i2 "r"`) // which was decided on the state with c1
	s.want("members", s.members(), []string{"c1", "c2"})
	s.play("lapse\nlapse\nask i1 reap \"r\"")
	s.play(`ask i1 load "r"`) // what it has is from before c2 landed
	s.play(`ask i1 commit "r"`)
	s.want("members", s.members(), []string{"c1"})
	s.ended()
}

// A survivor stops asking for the Leave of an orphan. What the orphan's instance, which
// only stood still, had committed for it before is still to be performed.
func TestForgottenLeaveOfThePaused(t *testing.T) {
	s := newTheatre(t)
	s.play(bothJoin + `
		ask i2 commit "r"
		send c2 "act"
		perform i2 commit "r"
		pause i2
		lapse
		ask i1 reap "r"
		ask i1 load "r"
		give-up i1 "r"
		give-up i1 "r"
		forget i1 commit "r"
		resume i2
		answer i2 commit "r"`)
	s.ended()
	s.want("is performed", slices.Contains(s.effects, any("done")), true)
}

// A survivor stops asking for the Leave of an orphan, which has taken place. What that
// asks for nobody knows of.
func TestForgottenLeaveOfTheDead(t *testing.T) {
	s := newTheatre(t)
	s.play(bothJoin + `
		ask i2 commit "r"
		crash i2
		lapse
		ask i1 reap "r"
		ask i1 load "r"
		perform i1 commit "r"
		lose i1 commit "r"
		give-up i1 "r"
		give-up i1 "r"
		forget i1 commit "r"`)
	s.ended()
}

// When the store is away for all for longer than a lease, nobody is given up.
func TestOutageReapsNobody(t *testing.T) {
	for seed := range uint64(atRest(60)) {
		s, r := newTheatre(t), rand.New(rand.NewPCG(seed, 1))
		all := func(v verb) {
			for _, n := range s.nodes {
				s.decide(n.can(v))
			}
		}
		s.decide(choice{do: []verb{round, heed}[seed%2]})
		calm := &weighted{r: r, weights: tuned}
		for range 60 {
			s.allowed = Outage &^ lively
			opts := s.options(nil)
			if ch := opts[calm.choose(opts, s, 0)]; s.fill(&ch, r) {
				s.decide(ch)
			}
			switch r.IntN(10) {
			case 0:
				all(away)
				for range 1 + r.IntN(3*lease) {
					s.decide(choice{do: round})
				}
				all(back)
			case 1:
				s.decide(choice{do: round})
			}
			for s.choresDone(r) { // well before the next heartbeat
			}
			for _, n := range s.nodes {
				if n.life > 1 || s.deadOnes() {
					t.Fatalf("seed %d: instance %d was taken for dead", seed, n.number)
				}
			}
		}
		s.ended()
	}
}

// choresDone does one of those that wait. It says false if none does.
func (s theatre) choresDone(r *rand.Rand) bool {
	var opts []choice
	for _, n := range s.nodes {
		for i := range n.pulse.chores {
			opts = s.choreOptions(opts, n, i)
		}
	}
	if len(opts) > 0 {
		s.decide(opts[r.IntN(len(opts))])
	}
	return len(opts) > 0
}

// Where a test tells the time, who has crashed is reaped when it is time.
func TestClusterReaps(t *testing.T) {
	c := New(t, ledgers(), nil)
	ann, bob := c.Connect(0), c.Connect(1)
	ann.Send("r")
	bob.Send("r")
	c.Crash(1)
	c.Wait(heartbeat)
	if n := len(c.Members("r")); n != 2 {
		t.Errorf("%d members; it is too early to say that bob is dead", n)
	}
	c.Wait((lease + 1) * heartbeat)
	if ids := c.Members("r"); !slices.Equal(ids, []core.ConnID{ann.ID()}) {
		t.Errorf("members are %v; bob is dead", ids)
	}
	if done := c.Performed(); len(done) != 1 || done[0] != any(bob.ID()) {
		t.Errorf("performed is %v, want what the Leave of bob asked for", done)
	}
}
