package esttest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

// notes is an integration with everything: identities, deliveries, resync, side
// effects and their answers, rooms that connections leave for others.
var notes = core.Integration[note, []string]{
	Name: "notes",
	Authenticate: func(conn core.Conn, hello core.Message) (n note, f *core.Failure) {
		if hello.Decode(&n) != nil || n.User == "" {
			return n, &core.Failure{Code: 1}
		}
		if len(conn.Handshake.Query["room"]) > 0 {
			n.Room = conn.Handshake.Query["room"][0]
		}
		return n, nil
	},
	Identity: func(_ core.Conn, n note) string { return n.User },
	Room:     func(_ core.Conn, n note) string { return n.Room },
	Join: func(_ core.Conn, n note, _ []string) noted {
		return noted{Reply: "in " + n.Room, Publish: []core.Publication{core.ToAll(n.User + " joined")}}
	},
	Receive: func(_ core.Conn, n note, r []string, m core.Message) noted {
		var text string
		if m.Decode(&text) != nil {
			return noted{Fail: &core.Failure{Code: 2}}
		}
		switch verb, rest, _ := strings.Cut(text, " "); verb {
		case "write":
			return noted{Room: core.Put(append(slices.Clone(r), rest)), Reply: len(r) + 1, Publish: []core.Publication{core.ToAll(rest)}}
		case "tell":
			who, what, _ := strings.Cut(rest, " ")
			return noted{Publish: []core.Publication{core.To(who, what)}}
		case "do":
			return noted{Perform: []any{rest}}
		case "go":
			n.Room = rest
			return noted{Data: core.Put(n)}
		case "tear":
			return noted{Room: core.Delete[[]string]()}
		case "bye":
			return noted{Reply: "bye", Close: 4001}
		}
		return noted{Reply: r}
	},
	Performed: func(_ core.Conn, _ note, _ []string, p core.Performed) noted {
		return noted{Reply: p}
	},
	Resync: func(_ core.Conn, _ note, r []string) noted { return noted{Reply: r} },
	Leave:  func(core.Conn, note, []string) noted { return noted{} },
}

type note struct{ User, Room string }

type noted = core.Outcome[note, []string]

func enter(c *esttest.Cluster[note, []string], instance int, user, room string) *esttest.Client {
	cl := c.Connect(instance)
	cl.Send(note{user, room})
	cl.Expect("in " + room)
	return cl
}

func TestCluster(t *testing.T) {
	c := esttest.New(t, notes, nil)
	ann, bob := enter(c, 0, "ann", "a"), enter(c, 1, "bob", "a")
	ann.Expect("bob joined")
	if got, want := c.Members("a"), []core.ConnID{ann.ID(), bob.ID()}; !slices.Equal(got, want) && !slices.Equal(got, []core.ConnID{bob.ID(), ann.ID()}) {
		t.Errorf("members are %v; want %v", got, want)
	}
	if _, ok := c.Room("a"); ok {
		t.Error("nobody has written, and there is a state")
	}

	bob.Send("write one")
	bob.Expect(1)
	ann.Expect("one")
	c.Publish("a", core.To("bob", "psst"))
	bob.Expect("psst")
	c.Update("a", func(r []string) (core.Change[[]string], []core.Publication) {
		return core.Put(append(r, "two")), []core.Publication{core.ToAll("two")}
	})
	ann.Expect("two")
	bob.Expect("two")
	if got, ok := c.Room("a"); !ok || !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the state is %q, %v", got, ok)
	}

	ann.Send(core.Message("no JSON"))
	ann.ExpectFailure("comm")
	ann.ExpectClosed()
	if got := ann.CloseCode(); got != core.CloseNotJSON {
		t.Errorf("closed with %v", got)
	}
	bob.Send("bye")
	bob.Expect("bye")
	bob.ExpectClosed()
	c.Update("a", func([]string) (core.Change[[]string], []core.Publication) { return core.Delete[[]string](), nil })

	late := c.ConnectWith(0, core.Handshake{Query: map[string][]string{"room": {"b"}}})
	late.Send(note{User: "eve"})
	late.Expect("in b")
	silent := c.Connect(0)
	c.Wait(9 * time.Second)
	silent.ExpectNothing()
	c.Wait(time.Second)
	silent.ExpectFailure("auth")
	silent.ExpectClosed()
	late.ExpectNothing()
}

func TestClusterPerforms(t *testing.T) {
	c := esttest.New(t, notes, nil)
	c.PerformWith(func(done []any, effect any) (any, error) {
		if effect == "fail" {
			return nil, errors.New("no")
		}
		return len(done), nil
	})
	ann := enter(c, 0, "ann", "a")
	ann.Send("do this")
	ann.Expect(core.Performed{Effect: "this", Result: core.Message("0")})
	ann.Send("do that")
	ann.Expect(core.Performed{Effect: "that", Result: core.Message("1")})
	ann.Send("do fail")
	ann.Expect(core.Performed{Effect: "fail", Failed: "no"})
	held := c.Hold(esttest.EffectOf(ann))
	ann.Send("do more")
	ann.Send("read") // is answered; only the side effect waits
	ann.Expect(nil)
	if got := c.Performed(); !slices.Equal(got, []any{"this", "that"}) {
		t.Errorf("performed are %v", got)
	}
	held.Release()
	ann.Expect(core.Performed{Effect: "more", Result: core.Message("2")})
}

// What is held does not happen, and everything else does.
func TestHold(t *testing.T) {
	c := esttest.New(t, notes, nil)
	ann, bob := enter(c, 0, "ann", "a"), enter(c, 1, "bob", "a")
	ann.Expect("bob joined")

	commit := c.Hold(esttest.CommitOf("a").On(0))
	ann.Send("write one")
	ann.ExpectNothing()
	bob.Send("write two") // wins
	bob.Expect(1)
	commit.Release()
	ann.Expect("two") // it was decided again after that
	ann.Expect(2)
	bob.Expect("one")

	bob.Send("read")
	bob.Expect([]string{"two", "one"})
	answer := c.Hold(esttest.AnswerOf("a").On(1))
	bob.Send("write three")
	bob.ExpectNothing()
	ann.Expect("three") // it has taken place
	answer.Release()
	bob.Expect(3)

	message := c.Hold(esttest.MessageOf("a").On(0))
	bob.Send("tell ann psst")
	bob.Send("tell ann hey")
	ann.ExpectNothing()
	message.Release()
	ann.Expect("psst")
	ann.Expect("hey")

	load := c.Hold(esttest.LoadOf("b"))
	subscription := c.Hold(esttest.SubscriptionOf("b").On(1))
	eve := c.Connect(1)
	eve.Send(note{"eve", "b"})
	load.Release()
	eve.ExpectNothing()
	subscription.Release()
	eve.Expect("in b")

	notice := c.Hold(esttest.NoticeOf(eve))
	eve.Abort()
	if got := c.Members("b"); len(got) != 1 {
		t.Errorf("nobody has noticed yet, and members are %v", got)
	}
	notice.Release()
	if got := c.Members("b"); len(got) != 0 {
		t.Errorf("members are %v", got)
	}
	ann.Send("tear up")
}

func TestCrash(t *testing.T) {
	c := esttest.New(t, notes, nil)
	ann, bob := enter(c, 0, "ann", "a"), enter(c, 1, "bob", "a")
	ann.Expect("bob joined")
	c.Crash(1)
	bob.ExpectClosed()
	c.Restart(1)
	bob = enter(c, 1, "bob", "a")
	ann.Expect("bob joined")
	bob.Close()
}

// Each expectation that isn't met says what there was, and how it came to it.
func TestExpectations(t *testing.T) {
	tests := []struct {
		name string
		do   func(c *esttest.Cluster[note, []string], ann *esttest.Client)
		want []string
	}{
		{"another message", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Send("write x")
			ann.Expect(2)
		}, []string{"c1 got another message (-want +got)", "Receive c1"}},
		{"none", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) { ann.Expect("x") }, []string{`c1 got nothing; want "x"`}},
		{"closed", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Send("bye")
			ann.Expect("bye")
			ann.Expect("x")
		}, []string{`c1 was closed (4001); want "x"`}},
		{"no failure", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Send("bye")
			ann.ExpectFailure("comm")
		}, []string{`c1 got "bye"; want the failure "comm"`}},
		{"another failure", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Send(1)
			ann.ExpectFailure("auth")
		}, []string{`want the failure "auth"`}},
		{"open", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) { ann.ExpectClosed() }, []string{"c1 is still open; want it closed"}},
		{"something", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Send("bye")
			ann.ExpectClosed()
		}, []string{`c1 got "bye"; want nothing`}},
		{"send after close", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Close()
			ann.Send(1)
		}, []string{"c1 sends 1, and its connection is closed"}},
		{"not encodable", func(_ *esttest.Cluster[note, []string], ann *esttest.Client) { ann.Send(func() {}) }, []string{"a func() can't be encoded"}},
		{"nothing held", func(c *esttest.Cluster[note, []string], _ *esttest.Client) {
			c.Hold(esttest.CommitOf("b").On(1)).Release()
		},
			[]string{`no commit of "b" on instance 1 came up since Hold`}},
		{"released twice", func(c *esttest.Cluster[note, []string], ann *esttest.Client) {
			h := c.Hold(esttest.CommitOf("a"))
			ann.Send("write x")
			h.Release()
			h.Release()
		}, []string{`the commit of "a" was released before`}},
		{"crashed twice", func(c *esttest.Cluster[note, []string], _ *esttest.Client) {
			c.Crash(1)
			c.Crash(1)
		}, []string{"instance 1 has crashed already"}},
		{"connect to a crashed one", func(c *esttest.Cluster[note, []string], _ *esttest.Client) {
			c.Crash(1)
			c.Connect(1)
		}, []string{"instance 1 has crashed: Restart it first"}},
		{"no instance", func(c *esttest.Cluster[note, []string], _ *esttest.Client) { c.Connect(-1) }, []string{"instances are counted from 0"}},
		{"nobody", func(c *esttest.Cluster[note, []string], _ *esttest.Client) { c.Publish("a", core.To("", 1)) }, []string{"reaches nobody"}},
		{"a check", func(c *esttest.Cluster[note, []string], ann *esttest.Client) {
			ann.Send("write " + string(ann.ID()))
			ann.Expect(1)
		}, []string{"dead-reference: the state of \"a\" still names connection c1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := record("TestX", func(t testing.TB) {
				c := esttest.New(t, notes, nil)
				tt.do(c, enter(c, 0, "ann", "a"))
			})
			for _, want := range tt.want {
				if !got.failed || !strings.Contains(got.String(), want) {
					t.Errorf("it says\n%v\nwhich has no %q", got, want)
				}
			}
		})
	}
}
