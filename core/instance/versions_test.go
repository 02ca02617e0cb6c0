package instance_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
)

// A rolling deploy: an old and a new version of an integration on one store.

// who2 and tally2 are the data and the state of the new version. What it has added the
// old one does not know.
type who2 struct {
	User string          `json:"user"`
	Room string          `json:"room"`
	Age  json.RawMessage `json:"age,omitempty"`
}

type tally2 struct {
	Sum   any    `json:"sum"` // a number, or as the newest do, a text
	Chain []int  `json:"chain"`
	Title string `json:"title,omitempty"`
}

// newer is an instance of the new version, which says what to put. It keeps what the
// old one has.
func (w *world) newer(store *faulty, next func(d *who2, t *tally2)) *instance.Instance[who2, tally2] {
	w.Helper()
	in := core.Integration[who2, tally2]{
		Name: "talk",
		Authenticate: func(_ core.Conn, hello core.Message) (d who2, f *core.Failure) {
			if err := hello.Decode(&d); err != nil {
				return d, &core.Failure{Code: 1}
			}
			return d, nil
		},
		Identity: func(_ core.Conn, d who2) string { return d.User },
		Room:     func(_ core.Conn, d who2) string { return d.Room },
		Join: func(_ core.Conn, d who2, t tally2) core.Outcome[who2, tally2] {
			next(&d, &t)
			return core.Outcome[who2, tally2]{Data: core.Put(d), Room: core.Put(t), Reply: "in " + d.Room}
		},
		Receive: func(core.Conn, who2, tally2, core.Message) (none core.Outcome[who2, tally2]) { return none },
		Leave:   func(core.Conn, who2, tally2) (none core.Outcome[who2, tally2]) { return none },
	}
	i, err := instance.New(in, store, &instance.Options{OnError: w.report, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.Fatal(err)
	}
	return i
}

// Each version reads what the other one has written, but for what it does not know.
func TestVersionsReadEachOther(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		one := w.instance(nil)
		ann := w.join(one, "ann", "r")
		ann.send(wish{N: 1, Add: 7})
		ann.want(reply(1, "r", 7))
		store := newFaulty(w.store)
		store.everything.Store(true)
		two := w.newer(store, func(d *who2, t *tally2) { d.Age, t.Title = json.RawMessage(`33`), "new" })
		w.join(two, "bob", "r")
		if v := w.value("r"); v != `{"sum":7,"chain":[7],"title":"new"}` {
			t.Errorf("the new one made of the state %s", v)
		}
		ms, err := one.Members(context.Background(), "r")
		if err != nil || len(ms) != 2 {
			t.Errorf("the old one reads the members %+v, %v", ms, err)
		}
		ann.send(wish{N: 2, Add: 1})
		ann.want(reply(2, "r", 8))
		if v := w.value("r"); v != `{"sum":8,"chain":[7,1]}` {
			t.Errorf("the old one made of the state %s", v)
		}
		store.set(fails, load, commit)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if two.Shutdown(ctx) == nil {
			t.Error("it had time to say goodbye")
		}
		w.leaves = true
		ann.want(`"bob left"`) // the old one's Leave, for a member of the new one
	})
}

// What a version can't read it refuses, and says why to the operators only. A member
// of a dead instance is removed all the same.
func TestVersionsRefuseEachOther(t *testing.T) {
	bubble(t, func(w *world) {
		saysGoodbye(w)
		one := w.instance(nil)
		ann := w.join(one, "ann", "r")
		store := newFaulty(w.store)
		store.everything.Store(true)
		two := w.newer(store, func(d *who2, t *tally2) {
			d.Room, d.User, t.Sum = "r", "bob", "eight"
		})
		w.join(two, "bob", "r")
		before := w.value("r")
		ann.send(wish{N: 1, Add: 1})
		ann.want(failure("comm", core.CloseBug, core.CloseBug.Reason()))
		ann.wantClosed(core.CloseBug, core.CloseBug.Reason())
		synctest.Wait()
		if m, v := w.members("r"), w.value("r"); m != "bob" || v != before {
			t.Errorf("members %s, state %s", m, v)
		}
		w.wantReports("Receive: decode instance_test.tally: json: cannot", "Leave: decode instance_test.tally: json: cannot")
		store.set(fails, load, commit)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if two.Shutdown(ctx) == nil {
			t.Error("it had time to say goodbye")
		}
		w.leaves = true
		time.Sleep(lease + 2*beat)
		synctest.Wait()
		if m, v := w.members("r"), w.value("r"); m != "" || v != before {
			t.Errorf("members %s, state %s", m, v)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if all := strings.Join(w.reports, "\n"); !strings.Contains(all, "Leave: ") {
			t.Errorf("reported: %s", all)
		}
	})
}
