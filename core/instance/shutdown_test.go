package instance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport/pipe"
)

// told is when a client was told to go, and after how many milliseconds to come back.
type told struct {
	after time.Duration
	ms    int
}

// wait waits for the end of a client that is told to go.
func (c *client) toldToGo(began time.Time) (told, error) {
	_, err := c.next()
	var end *pipe.CloseError
	if !errors.As(err, &end) || end.Code != core.CloseGoingAway {
		return told{}, fmt.Errorf("the end: %v", err)
	}
	at := told{after: time.Since(began)}
	_, err = fmt.Sscanf(end.Reason, "come back in %d ms", &at.ms)
	return at, err
}

func TestShutdownDrains(t *testing.T) {
	bubble(t, func(w *world) {
		left := 0
		w.in.Leave = func(core.Conn, who, tally) outcome { left++; return outcome{} }
		i := w.instance(&instance.Options{DrainBatch: 4})
		var all sync.WaitGroup
		ends := make([]told, 10)
		began := time.Now()
		for n := range ends {
			c := w.join(i, "ann", "r") // one room: Leave runs in one goroutine
			all.Go(func() {
				var err error
				if ends[n], err = c.toldToGo(began); err != nil {
					w.Error(err)
				}
			})
		}
		w.dial(i, nil) // has not said hello
		if i.Health() != nil {
			w.Errorf("health: %v", i.Health())
		}
		all.Go(func() {
			synctest.Wait() // the first batch was told
			if _, err := pipe.Dial(i, nil); !errors.Is(err, instance.ErrShutdown) {
				w.Errorf("dial while it drains: %v", err)
			}
			if !errors.Is(i.Health(), instance.ErrShutdown) {
				w.Errorf("health: %v", i.Health())
			}
		})
		w.shutdown(i)
		if took := time.Since(began); took != 200*time.Millisecond {
			w.Errorf("it took %v", took)
		}
		all.Wait()
		batches := map[time.Duration]int{}
		for _, e := range ends {
			batches[e.after]++
			if e.ms < 0 || e.ms >= 600 {
				w.Errorf("come back in %d ms", e.ms)
			}
		}
		for after, n := range batches {
			if after%(100*time.Millisecond) != 0 || n > 4 {
				w.Errorf("%d were told after %v", n, after)
			}
		}
		if len(batches) != 3 || left != 10 || w.members("r") != "" {
			w.Errorf("batches %v, %d Leaves, members %q", batches, left, w.members("r"))
		}
		w.shutdown(i) // again
		if _, err := pipe.Dial(i, nil); !errors.Is(err, instance.ErrShutdown) {
			w.Errorf("dial after it: %v", err)
		}
		w.wantReports()
	})
}

// Ten thousand clients that do as they are told don't come back in one second.
func TestShutdownSpreadsTheReturn(t *testing.T) {
	bubble(t, func(w *world) {
		const clients = 10_000
		i := w.instance(nil)
		back := make([]time.Duration, clients)
		var all sync.WaitGroup
		began := time.Now()
		for n := range back {
			c := w.dial(i, nil)
			all.Go(func() {
				end, err := c.toldToGo(began)
				if err != nil {
					w.Error(err)
				}
				back[n] = end.after + time.Duration(end.ms)*time.Millisecond
			})
		}
		w.shutdown(i)
		all.Wait()
		slices.Sort(back)
		most := 0
		for n, from := range back {
			until, _ := slices.BinarySearch(back, from+time.Second)
			most = max(most, until-n)
		}
		if last := back[clients-1]; most > 5_000 || last > 3200*time.Millisecond {
			w.Errorf("%d come back in one second, the last one after %v", most, last)
		}
		w.Logf("%d come back in one second at most", most)
	})
}

// What a client had sent is handled and answered before it has to go.
func TestShutdownAnswersFirst(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ann := w.join(i, "ann", "r")
		w.store.set(fails, commit)
		ann.send(wish{N: 1})
		ann.send(wish{N: 2})
		synctest.Wait()
		began := time.Now()
		time.AfterFunc(time.Second, w.store.heal)
		w.shutdown(i)
		ann.want(reply(1, "r", 0), reply(2, "r", 0))
		if _, err := ann.toldToGo(began); err != nil {
			w.Error(err)
		}
	})
}

// A connection that opens while a shutdown begins is refused or leaves.
func TestShutdownWhileDialing(t *testing.T) {
	for range 50 {
		bubble(t, func(w *world) {
			w.in.AuthenticateOnConnect = true
			w.in.Authenticate = func(core.Conn, core.Message) (who, *core.Failure) { return who{"ann", "r"}, nil }
			i := w.instance(nil)
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					c, err := pipe.Dial(i, nil)
					if err != nil && !errors.Is(err, instance.ErrShutdown) {
						w.Errorf("dial: %v", err)
					}
					for err == nil {
						_, err = c.Receive(context.Background())
					}
				})
			}
			w.shutdown(i)
			all.Wait()
			if m := w.members("r"); m != "" {
				w.Errorf("members: %s", m)
			}
		})
	}
}

func TestShutdownWaits(t *testing.T) {
	bubble(t, func(w *world) {
		p := &performer{}
		performing(w)
		w.in.Leave = func(core.Conn, who, tally) outcome { return outcome{Perform: []any{"goodbye"}} }
		i := w.instance(&instance.Options{Perform: p.perform})
		ann := w.join(i, "ann", "r")
		ann.send(wish{Do: []string{"slow"}})
		ann.want(reply(0, "r", 0))
		w.store.set(fails, commit) // its Leave takes a while
		began := time.Now()
		go func() {
			time.Sleep(90 * time.Second)
			w.store.heal()
		}()
		go w.shutdown(i) // at the same time
		w.shutdown(i)
		if took := time.Since(began); took < 90*time.Second || took > 95*time.Second {
			w.Errorf("it took %v", took)
		}
		p.want(w, "slow", "goodbye")
	})
}

// What is left when ctx ends is cut off, whatever it waits for, and nothing is
// left of it.
func TestShutdownIsCutOff(t *testing.T) {
	bubble(t, func(w *world) {
		p := &performer{}
		i := w.instance(&instance.Options{Perform: p.perform, Inbound: 2, DrainBatch: 2})
		ann := w.join(i, "ann", "r") // will hang in its commit
		w.join(i, "idle", "s")
		eve := w.join(i, "eve", "t") // has side effects
		eve.send(wish{Do: []string{"stuck", "never"}})
		eve.want(reply(0, "t", 0))
		slow := w.dial(i, &pipe.Options{Buffer: 1, WriteTimeout: 24 * time.Hour}) // doesn't read
		slow.send(who{"slow", "u"})
		for n := range 5 {
			slow.send(wish{N: n})
			synctest.Wait()
		}
		w.store.set(hangs, commit, load, subscribe)
		ann.send(wish{N: 1})
		late := w.dial(i, nil)
		late.send(who{"late", "v"}) // hangs in subscribing
		// More than Inbound: the transport's goroutine is in Receive.
		f := w.flood(i, "w", "{}", "{}", "{}", "{}", "{}", "{}")

		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Second, why)
		defer cancel()
		began := time.Now()
		err := i.Shutdown(ctx)
		if !errors.Is(err, why) || !strings.HasPrefix(err.Error(), "instance: shutdown was cut off with ") {
			w.Errorf("shutdown: %v", err)
		}
		if again := i.Shutdown(context.Background()); again != err {
			w.Errorf("shutdown again: %v", again)
		}
		if took := time.Since(began); took != 5*time.Second {
			w.Errorf("it took %v", took)
		}
		f.goes()
		if n := w.store.subscriptions.Load(); n != 0 {
			w.Errorf("%d subscriptions are left", n)
		}
		for _, c := range []*client{ann, late} {
			if _, err := c.toldToGo(began); err != nil {
				w.Error(err)
			}
		}
		p.want(w)
		w.mu.Lock()
		reports := strings.Join(w.reports, "\n")
		w.mu.Unlock()
		if !strings.Contains(reports, "Perform never: instance: a side effect was not performed") {
			w.Errorf("reported:\n%s", reports)
		}
	})
}

// A context that has ended before still ends everything.
func TestShutdownAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{DrainBatch: 1})
		var clients []*client
		for range 5 {
			clients = append(clients, w.join(i, "ann", fmt.Sprint(len(clients))))
		}
		began := time.Now()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := i.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			w.Errorf("shutdown: %v", err)
		}
		for _, c := range clients {
			var end *pipe.CloseError
			if _, err := c.next(); !errors.As(err, &end) || end.Code != core.CloseGoingAway {
				w.Errorf("the end: %v", err)
			}
		}
		if took := time.Since(began); took != 0 {
			w.Errorf("it took %v", took)
		}
	})
}

// A Leave waits for no transport that is slow to end.
func TestShutdownOfSlowTransport(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		s := &stuck{closed: make(chan core.CloseCode, 1), cut: make(chan struct{})}
		session, err := i.Accept(s, core.Handshake{})
		if err != nil {
			w.Fatal(err)
		}
		session.Receive([]byte(`{"user":"slow","room":"r"}`))
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.shutdown(i)
		}()
		synctest.Wait()
		if m := w.members("r"); m != "" {
			w.Errorf("members: %s", m)
		}
		select {
		case <-done:
			w.Error("the shutdown did not wait for the connection")
		default:
		}
		s.Close(core.CloseLost, "")
		session.Closed(core.CloseLost, "")
		<-done
	})
}

// An instance that has nothing to do ends at once.
func TestShutdownOfNothing(t *testing.T) {
	bubble(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if err := w.instance(nil).Shutdown(ctx); err != nil {
			w.Errorf("shutdown: %v", err)
		}
	})
}
