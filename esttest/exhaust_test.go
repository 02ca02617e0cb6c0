package esttest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
)

// seats is a room where each user has one seat: the newer connection of a user
// takes it over, and the older one is told, and closed.
type seats struct{ Of map[string]core.ConnID }

// sitter is connection data: Over once a newer connection has the seat.
type sitter struct {
	User string
	Over bool `json:",omitempty"`
}

type sitting = core.Outcome[sitter, seats]

// seating gives a seat back if it is still the connection's own. If careless, it
// goes by what the connection was told: right, unless the news is still on its way.
func seating(careless bool) core.Integration[sitter, seats] {
	with := func(r seats, user string, id core.ConnID) seats {
		of := maps.Clone(r.Of)
		if of == nil {
			of = map[string]core.ConnID{}
		}
		of[user] = id
		return seats{of}
	}
	return core.Integration[sitter, seats]{
		Name: "seats",
		Authenticate: func(_ core.Conn, hello core.Message) (s sitter, f *core.Failure) {
			if hello.Decode(&s.User) != nil || s.User == "" {
				return s, &core.Failure{Code: 1}
			}
			return s, nil
		},
		Identity: func(_ core.Conn, s sitter) string { return s.User },
		Room:     func(core.Conn, sitter) string { return "r" },
		Join: func(c core.Conn, s sitter, r seats) sitting {
			return sitting{Room: core.Put(with(r, s.User, c.ID)), Publish: []core.Publication{core.To(s.User, "over")}}
		},
		Receive: func(_ core.Conn, _ sitter, _ seats, m core.Message) sitting {
			return sitting{Reply: m, Perform: []any{"note"}}
		},
		Deliver: func(_ core.Conn, s sitter, _ seats, _ core.Delivery) sitting {
			s.Over = true
			return sitting{Data: core.Put(s), Close: 4000}
		},
		Leave: func(c core.Conn, s sitter, r seats) sitting {
			if s.Over || !careless && r.Of[s.User] != c.ID {
				return sitting{}
			}
			left := with(r, s.User, "")
			delete(left.Of, s.User)
			if len(left.Of) == 0 {
				return sitting{Room: core.Delete[seats]()}
			}
			return sitting{Room: core.Put(left)}
		},
	}
}

// seated says that who is there in the end has a seat. The clients are users.
func seated(users ...string) Model[sitter, seats] {
	return Model[sitter, seats]{
		Client: func(c ClientView) *rapid.Generator[any] {
			if c.Sent() == 0 {
				return rapid.Just[any](users[c.Index()%len(users)])
			}
			return rapid.SampledFrom([]any{"hi", "ho"})
		},
		Eventually: func(w *World[sitter, seats]) error {
			for _, c := range w.Clients() {
				if c.Joined() && w.Rooms()["r"].Of[c.Data().User] != c.ID() {
					return fmt.Errorf("%s is there, and has no seat", c.ID())
				}
			}
			return nil
		},
	}
}

// searching is a search of a scope in which all clients are ann.
func searching(t testing.TB, careless bool, s Scope) *search[sitter, seats] {
	t.Helper()
	s.Time = cmp.Or(s.Time, time.Hour) // a busy machine makes no difference
	m := seated("ann")
	x, err := newSearch(seating(careless), &m, s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// small is a scope of some hundred states.
var small = Scope{Instances: 1, Messages: 1}

// slower is how much the race detector slows things down. The simulator has one
// goroutine, so there is little for it to see.
var slower = 1

// atRest is n, or as much less as things are slower.
func atRest(n int) int { return n / slower }

// listener is a testing.TB that keeps what it is told.
type listener struct {
	testing.TB
	text   strings.Builder
	failed bool
}

func (l *listener) Helper()                   {}
func (l *listener) Log(args ...any)           { fmt.Fprintln(&l.text, args...) }
func (l *listener) Logf(f string, a ...any)   { fmt.Fprintf(&l.text, f+"\n", a...) }
func (l *listener) Fatalf(f string, a ...any) { l.Fatal(fmt.Sprintf(f, a...)) }
func (l *listener) Fatal(args ...any) {
	l.Log(args...)
	l.failed = true
	panic(l) // ends the call, as Goexit would
}

// told is what Exhaust says, and whether it fails.
func told(t *testing.T, in core.Integration[sitter, seats], m Model[sitter, seats], s Scope) (text string, failed bool) {
	t.Helper()
	s.Dir = t.TempDir()
	l := &listener{TB: t}
	defer func() {
		if v := recover(); v != nil && v != any(l) {
			panic(v)
		}
		text, failed = l.text.String(), l.failed
	}()
	Exhaust(l, in, m, s)
	return
}

// A bug that no history without concurrency shows is found, and made short.
func TestExhaustFindsRace(t *testing.T) {
	for _, s := range []Scope{small, {Messages: 1}}[:1+atRest(1)] {
		s.Time = time.Hour
		text, failed := told(t, seating(true), seated("ann"), s)
		if !failed || !strings.Contains(text, "found after ") || !strings.Contains(text, "5 are left") {
			t.Errorf("want a seat that is lost within 5 decisions; got: %s", text)
		}
	}
	if text, failed := told(t, seating(true), seated("ann", "bob"), small); failed {
		t.Errorf("each has a seat of its own, so nothing can go wrong; got: %s", text)
	}
}

// What is right is visited to the end, and the same each time.
func TestExhaustIsComplete(t *testing.T) {
	first := searching(t, false, small)
	for range max(1, atRest(2)) {
		x := searching(t, false, small)
		if f := x.search(); f != nil {
			t.Fatal(f.History)
		}
		if first.states == 0 {
			first = x
		}
		if x.states != first.states || x.steps != first.steps || x.states < 1000 {
			t.Errorf("%d states and %d steps, and %d and %d before", x.states, x.steps, first.states, first.steps)
		}
		if !strings.HasPrefix(x.summary(), "complete: 2 clients × 1 message, 1 instance, no faults: ") {
			t.Error(x.summary())
		}
	}
}

func TestExhaustStopsAtItsBudget(t *testing.T) {
	for want, s := range map[string]Scope{
		"stopped at the budget of 1,200 states: 2 clients × 2 messages, 2 instances, no faults: 1,200 states, ": {States: 1200},
		"stopped at the budget of 1ns: ": {Time: 1},
	} {
		text, failed := told(t, seating(false), seated("ann"), s)
		if failed || !strings.Contains(text, want) {
			t.Errorf("want no failure, and %q; got: %s", want, text)
		}
	}
}

// Messages that lead to messages for ever are no states without end.
func TestExhaustEndsPingPong(t *testing.T) {
	in := seating(false)
	in.Deliver = func(core.Conn, sitter, seats, core.Delivery) sitting {
		return sitting{Publish: []core.Publication{core.ToAll("again")}}
	}
	in.Join = func(core.Conn, sitter, seats) sitting { return sitting{} }
	in.Receive = func(core.Conn, sitter, seats, core.Message) sitting {
		return sitting{Publish: []core.Publication{core.ToAll("first")}}
	}
	m := seated("ann")
	m.Eventually = nil
	x, err := newSearch(in, &m, Scope{Instances: 1, Time: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var checks []string
	x.found = func(v verdict) bool {
		checks = append(checks, v.failed.check)
		return false
	}
	x.all()
	if !slices.Equal(checks, []string{"quiescence"}) || !x.short {
		t.Errorf("found %v, want that it is never quiet", checks)
	}
}

// All kinds of choices are made, and those that others stand for are not.
func TestExhaustMakesAllChoices(t *testing.T) {
	m := seated("ann")
	m.Outside = func(*World[sitter, seats]) *rapid.Generator[Outside] {
		return rapid.Just(OutsidePublish("r", core.To("nobody", 1)))
	}
	performed := func(core.Conn, sitter, seats, core.Performed) sitting { return sitting{} }
	kinds := func(k Fault, max int) Faults { return Faults{Kinds: k, Max: max} }
	for _, c := range []struct {
		s         Scope
		performed bool
		want      []verb
	}{
		{Scope{Values: 2}, false, []verb{connect, send, hangUp, perform, answer, hear, effectAsk, outside}},
		{Scope{Faults: kinds(EffectFails, 1)}, true, []verb{effect, effectAnswer, effectFails}},
		{Scope{Messages: 1, Faults: kinds(Redis&^(Slow|Crash|Pause), 2)}, false, []verb{snap, notice, fail, lose, rival, giveUp, land, cut, join, away, back, expire}},
		{Scope{Messages: 1, Faults: kinds(Pause, 1)}, false, []verb{pause, resume, lapse}},
		{Scope{Messages: 1, Faults: kinds(Crash, 2)}, false, []verb{round, crash, restart, lapse}},
	} {
		in := seating(false)
		if c.performed {
			in.Performed = performed
		}
		c.s.Clients, c.s.Instances, c.s.Time = 1, 1, time.Hour
		x, err := newSearch(in, &m, c.s)
		if err != nil {
			t.Fatal(err)
		}
		x.found = func(v verdict) bool {
			t.Errorf("%v: %v: %v", c.s, *v.failed, v.steps)
			return false
		}
		x.all()
		for _, v := range c.want {
			if x.stats.Verbs[v] == 0 {
				t.Errorf("%v: no %s", c.s, verbs[v])
			}
		}
		if x.stats.Verbs[ask] > 0 && c.s.Faults.kinds()&lively == 0 || x.stats.Verbs[wait] > 0 || c.performed && x.stats.Verbs[effectAsk] > 0 {
			t.Errorf("%v: steps that are two others, or that wait", c.s)
		}
		if !strings.HasPrefix(x.summary(), "complete") {
			t.Error(x.summary())
		}
	}
}

// That schedules with the same state go on as one loses no violation.
func TestExhaustMergesSoundly(t *testing.T) {
	ends := func(merge bool) (ends map[string]int) {
		m := seated("ann")
		m.Always = func(w *World[sitter, seats]) error {
			for _, c := range w.Clients() {
				if !c.Open() && c.Joined() {
					return fmt.Errorf("closed, with %d messages received", len(c.Received()))
				}
			}
			return nil
		}
		x, err := newSearch(seating(false), &m, Scope{Clients: 1, Instances: 1, Time: time.Hour, Faults: Faults{Kinds: ReplyLost | Conflict}})
		if err != nil {
			t.Fatal(err)
		}
		if !merge {
			x.seen = nil
		}
		ends = map[string]int{}
		x.found = func(v verdict) bool {
			ends[fmt.Sprintf("%s: %s: %x", v.failed.check, v.failed.text, v.digest)]++
			return true
		}
		x.all()
		if x.stop != "" {
			t.Error(x.summary())
		}
		t.Logf("merging %v: %d violations after %d steps", merge, len(ends), x.steps)
		return ends
	}
	merged, all := ends(true), ends(false)
	if len(all) < 5 {
		t.Errorf("%d violations: that shows little", len(all))
	}
	if a, b := slices.Sorted(maps.Keys(merged)), slices.Sorted(maps.Keys(all)); !slices.Equal(a, b) {
		t.Errorf("merging finds %q, and without it there are %q", a, b)
	}
}

// Wherever two schedules lead to the same mark, the same can happen next, and leads
// to the same marks again: a mark leaves out nothing that matters.
func TestSameMarkSameFuture(t *testing.T) {
	for _, s := range []Scope{
		small,
		{Instances: 1, Clients: 1, Faults: Faults{Kinds: Redis, Max: 2}},
		{Clients: 1, Messages: 1, Lives: 2, Faults: Faults{Kinds: Hostile | Crash | Pause}},
		{Messages: 1, Faults: Faults{Kinds: Redis | Duplicate, Max: 3}},
	} {
		x := searching(t, false, s)
		marked := func(s *sim[sitter, seats], left budget) (m mark) {
			unprint(s)
			m, x.bytes = s.mark(x.bytes, left.faults, left.outside, left.lapses)
			return m
		}
		type state struct {
			s    *sim[sitter, seats]
			left budget
		}
		open := []state{{x.begin(), budget{x.scope.Faults.Max, 0, 1}}}
		futures, again := map[mark]map[step]mark{}, 0
		for ; len(open) > 0 && len(futures) < atRest(1000); open = open[1:] {
			at := open[0]
			future := map[step]mark{}
			var nexts []state
			for _, ch := range x.choices(nil, at.s, at.left) {
				next := state{at.s.clone(), at.left.after(ch.do)}
				next.s.decide(ch)
				future[at.s.named(ch)] = marked(next.s, next.left)
				if next.s.failed == nil {
					nexts = append(nexts, next)
				}
			}
			here := marked(at.s, at.left)
			if before, ok := futures[here]; !ok {
				futures[here] = future
				open = append(open, nexts...)
			} else if again++; !maps.Equal(before, future) {
				t.Fatalf("%v: the same mark, and different futures: %v and %v", x.scope, before, future)
			}
		}
		if t.Logf("%v: %d marks, come to %d times again", x.scope, len(futures), again); again == 0 {
			t.Error("no two schedules led to the same mark")
		}
	}
}

func BenchmarkExhaust(b *testing.B) {
	b.ReportAllocs()
	steps := 0
	for b.Loop() {
		x := searching(b, false, Scope{Messages: 1})
		if f := x.search(); f != nil {
			b.Fatal(f.History)
		}
		steps += x.steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
