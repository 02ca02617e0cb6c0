package instance_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
)

// add is an update that adds to the sum and publishes it.
func add(n int) func(tally) (core.Change[tally], []core.Publication) {
	return func(t tally) (core.Change[tally], []core.Publication) {
		t.Sum += n
		t.Chain = append(t.Chain, n)
		return core.Put(t), []core.Publication{core.ToAll(t.Sum)}
	}
}

func TestPublishFromOutside(t *testing.T) {
	bubble(t, func(w *world) {
		i, other := w.instance(nil), w.instance(nil)
		ann, bob := w.join(i, "ann", "r"), w.join(other, "bob", "r")
		ctx := context.Background()
		if err := i.Publish(ctx, "r", core.ToAll("all"), core.To("bob", "bob's"), core.To("nobody", 0), core.ToAll("end")); err != nil {
			w.Fatal(err)
		}
		ann.want(`"all"`, `"end"`)
		bob.want(`"all"`, `"bob's"`, `"end"`)
		if err := i.Publish(ctx, "r"); err != nil {
			w.Errorf("nothing: %v", err)
		}
		if err := i.Publish(ctx, "empty", core.ToAll(1)); err != nil {
			w.Errorf("nobody is there: %v", err)
		}
		// What is invalid is refused whole.
		for what, p := range map[string]core.Publication{
			"nobody":   core.To("", 1),
			"both":     {All: true, To: "ann", Body: 1},
			"not JSON": core.ToAll(func() {}),
		} {
			err := i.Publish(ctx, "r", core.ToAll("never"), p)
			if err == nil || !strings.HasPrefix(err.Error(), `instance: publish to "r": `) || what != "not JSON" && !errors.Is(err, core.ErrNobody) {
				w.Errorf("%s: %v", what, err)
			}
		}
		ann.wantNothing()
		bob.wantNothing()
	})
}

func TestUpdateFromOutside(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ann := w.join(i, "ann", "r")
		ctx := context.Background()
		update := func(fn func(tally) (core.Change[tally], []core.Publication)) {
			w.Helper()
			if err := i.Update(ctx, "r", fn); err != nil {
				w.Fatal(err)
			}
		}
		update(add(3))
		update(add(4))
		ann.want("3", "7")
		ann.send(wish{N: 1, Add: 5})
		ann.want(reply(1, "r", 12))
		commits := w.store.called(commit)
		update(func(t tally) (c core.Change[tally], p []core.Publication) {
			if t.Sum != 12 {
				w.Errorf("sum %d", t.Sum)
			}
			return c, p
		})
		if w.store.called(commit) != commits {
			w.Error("an update of nothing has committed")
		}
		update(func(tally) (c core.Change[tally], p []core.Publication) {
			return c, []core.Publication{core.To("ann", "only said")}
		})
		update(func(tally) (core.Change[tally], []core.Publication) { return core.Delete[tally](), nil })
		update(func(tally) (core.Change[tally], []core.Publication) { return core.Delete[tally](), nil })
		ann.want(`"only said"`)
		if v := w.value("r"); v != "" {
			w.Errorf("state: %s", v)
		}
		for what, fn := range map[string]func(tally) (core.Change[tally], []core.Publication){
			"unknown Op": func(tally) (core.Change[tally], []core.Publication) { return core.Change[tally]{Op: 9}, nil },
			"nobody": func(t tally) (core.Change[tally], []core.Publication) {
				return core.Put(t), []core.Publication{core.To("", 1)}
			},
		} {
			if err := i.Update(ctx, "r", fn); err == nil || !strings.HasPrefix(err.Error(), `instance: update "r": `) {
				w.Errorf("%s: %v", what, err)
			}
		}
		if v := w.value("r"); v != "" {
			w.Errorf("state: %s", v)
		}
	})
}

// Updates of many at once, with forced conflicts and lost replies, count each
// exactly once.
func TestUpdatesCountOnce(t *testing.T) {
	bubble(t, func(w *world) {
		conflicts := 0
		var mu sync.Mutex // protects conflicts
		w.store.Broker = memory.New(&memory.Options{Conflicts: func(broker.Key, broker.Commit) bool {
			mu.Lock()
			defer mu.Unlock()
			conflicts++
			return conflicts%3 != 0
		}})
		i, other := w.instance(nil), w.instance(nil)
		w.store.setTimes(loses, 50, commit)
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				on := i
				if n%2 == 0 {
					on = other
				}
				if err := on.Update(context.Background(), "r", add(1)); err != nil {
					w.Errorf("update: %v", err)
				}
				if err := on.Publish(context.Background(), "r", core.ToAll("x")); err != nil {
					w.Errorf("publish: %v", err)
				}
			})
		}
		all.Wait()
		rec, err := w.store.Broker.Load(context.Background(), broker.Key{Namespace: "talk", Room: "r"}, false)
		if err != nil || rec.At.Seq != 80 || !strings.HasPrefix(string(rec.Value), `{"sum":40,`) {
			w.Errorf("%d messages, state %s, %v", rec.At.Seq, rec.Value, err)
		}
	})
}

func TestMembers(t *testing.T) {
	bubble(t, func(w *world) {
		i, other := w.instance(nil), w.instance(nil)
		w.join(i, "ann", "r")
		w.join(other, "bob", "r")
		ms, err := i.Members(context.Background(), "r")
		if err != nil || len(ms) != 2 {
			w.Fatalf("members: %v, %v", ms, err)
		}
		if ms[0].Conn > ms[1].Conn || ms[0].Instance == ms[1].Instance {
			w.Errorf("members: %v", ms)
		}
		for _, m := range ms {
			if m.Identity != m.Data.User || m.Data.Room != "r" || m.Identity != "ann" && m.Identity != "bob" {
				w.Errorf("member: %v", m)
			}
		}
		if ms, err := i.Members(context.Background(), "empty"); err != nil || len(ms) != 0 {
			w.Errorf("members of nothing: %v, %v", ms, err)
		}
	})
}

// calls are the methods for those outside any connection.
var calls = map[string]func(ctx context.Context, i *instance.Instance[who, tally], room string) error{
	"Publish": func(ctx context.Context, i *instance.Instance[who, tally], room string) error {
		return i.Publish(ctx, room, core.ToAll(1))
	},
	"Update": func(ctx context.Context, i *instance.Instance[who, tally], room string) error {
		return i.Update(ctx, room, add(1))
	},
	"Members": func(ctx context.Context, i *instance.Instance[who, tally], room string) error {
		_, err := i.Members(ctx, room)
		return err
	},
}

func TestOutsideErrors(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				i := w.instance(nil)
				ctx := context.Background()
				want := func(what string, err error, is error) {
					w.Helper()
					if err == nil || !strings.HasPrefix(err.Error(), "instance: ") || is != nil && !errors.Is(err, is) {
						w.Errorf("%s: %v", what, err)
					}
				}
				want("no room", call(ctx, i, ""), nil)
				cancelled, cancel := context.WithCancel(ctx)
				cancel()
				want("cancelled", call(cancelled, i, "r"), context.Canceled)

				began := time.Now()
				short, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				w.store.set(hangs, commit, load)
				want("the broker hangs", call(short, i, "r"), context.DeadlineExceeded)
				if took := time.Since(began); took != time.Minute {
					w.Errorf("it took %v", took)
				}
				w.store.heal()
				w.shutdown(i)
				want("after the shutdown", call(ctx, i, "r"), instance.ErrShutdown)
				if v := w.value("r"); v != "" {
					w.Errorf("state: %s", v)
				}
			})
		})
	}
}
