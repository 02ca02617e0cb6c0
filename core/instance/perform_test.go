package instance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport/pipe"
)

// performer performs side effects: each as its text says, with a line in done.
type performer struct {
	mu   sync.Mutex // protects what follows
	done []string
}

func (p *performer) perform(ctx context.Context, _ core.ConnID, effect any) (any, error) {
	switch effect {
	case "slow":
		time.Sleep(time.Minute)
	case "stuck":
		<-ctx.Done()
		return nil, ctx.Err()
	case "fails":
		return nil, errors.New("no luck")
	case "panics":
		panic("boom")
	case "func":
		return func() {}, nil
	case "bomb":
		return bomb{}, nil
	case "nothing":
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, effect.(string))
	return struct {
		Done string `json:"done"`
	}{effect.(string)}, nil
}

func (p *performer) want(w *world, done ...string) {
	w.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.done, done) {
		w.Errorf("performed: %q, want %q", p.done, done)
	}
	p.done = nil
}

// bomb is a result whose encoding panics.
type bomb struct{}

func (bomb) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }

// performing has the integration reply what was performed.
func performing(w *world) {
	w.in.Performed = func(_ core.Conn, _ who, _ tally, p core.Performed) outcome {
		return outcome{Reply: fmt.Sprintf("%v: %s %s", p.Effect, p.Result, p.Failed)}
	}
}

func TestPerformInOrder(t *testing.T) {
	bubble(t, func(w *world) {
		p := &performer{}
		performing(w)
		i := w.instance(&instance.Options{Perform: p.perform})
		ann, bob := w.join(i, "ann", "r"), w.join(i, "bob", "r")
		ann.send(wish{N: 1, Do: []string{"a", "slow", "b"}})
		lobby := ""
		ann.send(wish{N: 2, Do: []string{"c"}, Go: &lobby})
		ann.send(wish{N: 3, Do: []string{"d"}})
		bob.send(wish{N: 1, Do: []string{"e"}})
		ann.want(reply(1, "r", 0))
		bob.want(reply(1, "r", 0), `"e: {\"done\":\"e\"} "`) // not behind ann's slow one
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		p.mu.Lock()
		ofAnn := slices.DeleteFunc(slices.Clone(p.done), func(s string) bool { return s == "e" })
		p.mu.Unlock()
		if !slices.Equal(ofAnn, []string{"a", "slow", "b", "c", "d"}) {
			w.Errorf("performed: %q", ofAnn)
		}
		var answers []string
		for range 5 + 3 { // with the replies to 2 and 3, and the lobby's Join
			m, err := ann.next()
			if err != nil {
				w.Fatal(err)
			}
			if m[1] >= 'a' && m[1] <= 'd' || m[1] == 's' {
				answers = append(answers, m)
			}
		}
		if want := []string{`"a: {\"done\":\"a\"} "`, `"slow: {\"done\":\"slow\"} "`, `"b: {\"done\":\"b\"} "`, `"c: {\"done\":\"c\"} "`, `"d: {\"done\":\"d\"} "`}; !slices.Equal(answers, want) {
			w.Errorf("answers: %q", answers)
		}
		w.wantReports()
	})
}

func TestPerformFails(t *testing.T) {
	bubble(t, func(w *world) {
		performing(w)
		i := w.instance(&instance.Options{Perform: (&performer{}).perform})
		ann := w.join(i, "ann", "r")
		ann.send(wish{Do: []string{"fails", "panics", "func", "bomb", "nothing", "fine"}})
		ann.want(reply(0, "r", 0),
			`"fails:  no luck"`,
			`"panics:  instance: Perform panicked: boom"`,
			`"func:  instance: the result of Perform can't be encoded: json: unsupported type: func()"`,
			`"bomb:  instance: Perform panicked: in MarshalJSON"`,
			`"nothing:  "`,
			`"fine: {\"done\":\"fine\"} "`)
		w.wantReports("Perform fails: no luck", "Perform panics: instance: Perform panicked: boom",
			"Perform func: instance: the result", "Perform bomb: instance: Perform panicked")
	})
}

func TestPerformIsMissing(t *testing.T) {
	bubble(t, func(w *world) {
		ann := w.join(w.instance(nil), "ann", "r")
		ann.send(wish{Do: []string{"x"}})
		ann.want(reply(0, "r", 0))
		w.wantReports("Perform x: instance: an outcome has a side effect, and Options.Perform is nil")
		ann.wantNothing()
	})
}

// Nothing is performed before its commit, or when that never succeeds.
func TestPerformAfterCommit(t *testing.T) {
	bubble(t, func(w *world) {
		p := &performer{}
		i := w.instance(&instance.Options{Perform: p.perform, Patience: patience})
		ann := w.join(i, "ann", "r")
		w.store.set(fails, commit)
		ann.send(wish{Do: []string{"first"}})
		ann.want(failure("comm", core.CloseTryLater, tryLater))
		p.want(w)
		w.store.heal()
		bob := w.join(i, "bob", "r")
		p.want(w, "first") // its commit was sent until it was known, and took place
		w.store.set(fails, commit)
		bob.send(wish{Do: []string{"later"}})
		p.want(w)
		w.store.heal()
		bob.want(reply(0, "r", 0))
		p.want(w, "later")
	})
}

// What was asked for is performed although the connection has ended; the answer
// is dropped and reported.
func TestPerformOutlivesItsConnection(t *testing.T) {
	for _, others := range []bool{true, false} { // false: the room is dropped too
		t.Run(fmt.Sprint(others), func(t *testing.T) {
			bubble(t, func(w *world) {
				p := &performer{}
				performing(w)
				w.in.Leave = func(core.Conn, who, tally) outcome { return outcome{Perform: []any{"goodbye"}} }
				i := w.instance(&instance.Options{Perform: p.perform})
				ann := w.join(i, "ann", "r")
				if others {
					bob := w.join(i, "bob", "r")
					defer func() { bob.Close(); synctest.Wait() }()
				}
				ann.send(wish{Do: []string{"slow", "x"}})
				ann.want(reply(0, "r", 0))
				ann.Close()
				synctest.Wait()
				time.Sleep(time.Minute)
				p.want(w, "slow", "x", "goodbye")
				w.mu.Lock()
				reports := w.reports
				w.mu.Unlock()
				if len(reports) != 3 {
					w.Errorf("reports: %q", reports)
				}
			})
		})
	}
}

// A connection that asks for slow side effects is read from slowly.
func TestPerformTakesSlots(t *testing.T) {
	bubble(t, func(w *world) {
		const inbound = 3
		p := &performer{}
		i := w.instance(&instance.Options{Perform: p.perform, Inbound: inbound})
		messages := make([]string, 20)
		for n := range messages {
			messages[n] = `{"do":["slow"]}`
		}
		f := w.flood(i, "r", messages...)
		began := time.Now()
		for done := false; !done; {
			synctest.Wait()
			done = f.count() == 1+len(messages)
			performed := int(time.Since(began) / time.Minute)
			if taken := int(f.taken.Load()); taken > performed+inbound {
				w.Fatalf("%d messages are taken in when %d side effects are performed", taken, performed)
			}
			time.Sleep(time.Minute)
		}
		f.goes()
	})
}

// Messages of others can't fill the memory with side effects of a connection: it
// is closed, and what it asked for is still performed.
func TestTooManySideEffects(t *testing.T) {
	bubble(t, func(w *world) {
		release := make(chan struct{})
		performed := 0
		w.in.Deliver = func(core.Conn, who, tally, core.Delivery) outcome { return outcome{Perform: []any{"x"}} }
		i := w.instance(&instance.Options{Perform: func(context.Context, core.ConnID, any) (any, error) {
			<-release
			performed++
			return nil, nil
		}})
		ann := w.dial(i, &pipe.Options{Buffer: 4})
		ann.send(who{"ann", "r"})
		ann.want(`"in r"`)
		for range 30 {
			if err := i.Publish(context.Background(), "r", slices.Repeat([]core.Publication{core.ToAll(0)}, 100)...); err != nil {
				w.Fatal(err)
			}
			synctest.Wait()
		}
		ann.wantClosed(core.CloseTryLater, tryLater)
		if m := w.members("r"); m != "" {
			w.Errorf("members: %s", m)
		}
		w.wantReports("Perform: instance: too many side effects")
		close(release)
		synctest.Wait()
		if performed < 1024+32 || performed > 1024+32+200 {
			w.Errorf("%d side effects were performed", performed)
		}
	})
}
