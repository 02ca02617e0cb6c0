package instance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

// world is a broker that can fail, the instances on it, and what they reported.
// Its clock is that of the bubble: it stands still while anything can happen.
type world struct {
	*testing.T
	store     *faulty
	in        integration
	instances []*instance.Instance[who, tally]
	leaves    bool // what is est's own stays in the store, since one was killed, or forgot a commit

	mu      sync.Mutex // protects what follows
	reports []string   // "what: error"
	log     bytes.Buffer
}

// bubble runs a test. In the end nothing may be left of the instances: no slot
// taken, no member, no subscription, no goroutine.
func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, in: talk()}
		w.store = newFaulty(memory.New(nil))
		defer w.end()
		test(w)
	})
}

func (w *world) end() {
	w.Helper()
	w.store.heal()
	time.Sleep(patience + 2*time.Second) // a call that hangs, and the longest pause before it is made again
	synctest.Wait()
	for _, i := range w.instances {
		if !errors.Is(i.Health(), instance.ErrShutdown) {
			if slots, gone := i.SlotsTaken(), i.Unforgotten(); slots != 0 || gone != 0 {
				w.Errorf("while nothing waits, %d slots are taken and %d connections that are gone not forgotten", slots, gone)
			}
			w.shutdown(i)
		}
		if n := i.Rooms(); n > 0 && i.Shutdown(context.Background()) == nil {
			w.Errorf("%d rooms are left", n)
		}
	}
	synctest.Wait()
	if n := w.store.subscriptions.Load(); n != 0 {
		w.Errorf("%d subscriptions are left", n)
	}
	w.wantNoRecords()
}

// wantNoRecords sees that instances that shut down left nothing of their own.
func (w *world) wantNoRecords() {
	w.Helper()
	key := broker.Key{Namespace: core.Records("talk"), Room: core.Directory}
	rec, err := w.store.Broker.Load(context.Background(), key, true)
	if err != nil && !errors.Is(err, broker.ErrClosed) {
		w.Error(err)
	}
	cut := w.leaves
	for _, i := range w.instances {
		cut = cut || i.Shutdown(context.Background()) != nil
	}
	if len(rec.Members) > 0 && !cut {
		w.Errorf("left in the directory: %s", rec.Members)
	}
}

func (w *world) shutdown(i *instance.Instance[who, tally]) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := i.Shutdown(ctx); err != nil {
		w.Errorf("shutdown: %v", err)
	}
}

// instance starts one. o may be nil; what it reports goes to the world.
func (w *world) instance(o *instance.Options) *instance.Instance[who, tally] {
	w.Helper()
	var own instance.Options
	if o != nil {
		own = *o
	}
	own.Logger = slog.New(slog.NewTextHandler(locked{w}, nil))
	own.OnError = w.report
	i, err := instance.New(w.in, w.store, &own)
	if err != nil {
		w.Fatal(err)
	}
	w.instances = append(w.instances, i)
	return i
}

func (w *world) report(err error, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, what+": "+err.Error())
}

// locked writes the log.
type locked struct{ w *world }

func (l locked) Write(b []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.log.Write(b)
}

// wantReports sees that these were reported since the last call, each by its
// beginning, and in the log too.
func (w *world) wantReports(want ...string) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	ok := len(w.reports) == len(want)
	for n := range min(len(want), len(w.reports)) {
		ok = ok && strings.HasPrefix(w.reports[n], want[n])
	}
	if !ok {
		w.Errorf("reported: %q\nwant:     %q", w.reports, want)
	}
	if lines := strings.Count(w.log.String(), "level=ERROR"); lines != len(w.reports) {
		w.Errorf("%d errors in the log, %d reported:\n%s", lines, len(w.reports), w.log.String())
	}
	w.reports = nil
	w.log.Reset()
}

// members is who the store has in a room: their identities.
func (w *world) members(room string) string {
	w.Helper()
	rec, err := w.store.Broker.Load(context.Background(), broker.Key{Namespace: "talk", Room: room}, true)
	if err != nil {
		w.Fatal(err)
	}
	var users []string
	for _, m := range rec.Members {
		s, err := core.DecodeMember(m.Data)
		if err != nil {
			w.Fatal(err)
		}
		users = append(users, s.Identity)
	}
	return strings.Join(users, " ")
}

// value is a room's state in the store, as JSON.
func (w *world) value(room string) string {
	w.Helper()
	rec, err := w.store.Broker.Load(context.Background(), broker.Key{Namespace: "talk", Room: room}, false)
	if err != nil {
		w.Fatal(err)
	}
	return string(rec.Value)
}

// client is a client over pipe.
type client struct {
	*pipe.Client
	w *world
}

// dial connects, and says nothing yet.
func (w *world) dial(i transport.Acceptor, o *pipe.Options) *client {
	w.Helper()
	c, err := pipe.Dial(i, o)
	if err != nil {
		w.Fatal(err)
	}
	return &client{c, w}
}

// join connects and enters a room.
func (w *world) join(i transport.Acceptor, user, room string) *client {
	w.Helper()
	c := w.dial(i, nil)
	c.send(who{user, room})
	c.want(fmt.Sprintf("%q", "in "+room))
	return c
}

func (c *client) send(v any) {
	c.w.Helper()
	if err := c.Send(context.Background(), v); err != nil {
		c.w.Fatalf("send %v: %v", v, err)
	}
}

// want waits for the next messages: they are these.
func (c *client) want(frames ...string) {
	c.w.Helper()
	for _, want := range frames {
		if got, err := c.next(); err != nil || got != want {
			c.w.Fatalf("received %s, %v\nwant     %s", got, err, want)
		}
	}
}

func (c *client) next() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 24*time.Hour)
	defer cancel()
	m, err := c.Receive(ctx)
	return string(m), err
}

// wantNothing sees that nothing has come.
func (c *client) wantNothing() {
	c.w.Helper()
	synctest.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if m, err := c.Receive(ctx); !errors.Is(err, context.Canceled) {
		c.w.Fatalf("received %s, %v; want nothing", m, err)
	}
}

// wantClosed waits for the end.
func (c *client) wantClosed(code core.CloseCode, reason string) {
	c.w.Helper()
	m, err := c.next()
	var end *pipe.CloseError
	if !errors.As(err, &end) || end.Code != code || end.Reason != reason {
		c.w.Fatalf("received %s, %v; want the end with %d (%s)", m, err, uint16(code), reason)
	}
}

// pass lets time go by, in the bubble.
func (w *world) pass(d time.Duration) { time.Sleep(d) }
