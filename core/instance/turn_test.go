package instance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport"
)

// direct is a transport that tells what comes together, and the client too.
type direct struct {
	transport.BatchReceiver
	write func() error // called by Write; nil: it takes what it gets

	mu  sync.Mutex // protects got
	got []string
}

func (d *direct) Write(messages [][]byte) error {
	if d.write != nil {
		if err := d.write(); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range messages {
		d.got = append(d.got, string(m))
	}
	return nil
}

func (d *direct) Close(code core.CloseCode, _ string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, fmt.Sprint(code))
}

// gets takes what the client got so far.
func (d *direct) gets() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.got
	d.got = nil
	return got
}

// say hands in messages that come together.
func (d *direct) say(messages ...string) {
	all := make([][]byte, len(messages))
	for n, m := range messages {
		all[n] = []byte(m)
	}
	d.ReceiveAll(all)
	clear(all) // it is the transport's again
}

// number is a message that is answered with its number.
func number(n int) string { return fmt.Sprintf(`{"n":%d}`, n) }

// ends tells the session that the connection is gone.
func (d *direct) ends() { d.Closed(core.CloseNormal, "") }

func accept(i *instance.Instance[who, tally], d *direct) (transport.BatchReceiver, error) {
	s, err := i.Accept(d, core.Handshake{})
	if err != nil {
		return nil, err
	}
	return s.(transport.BatchReceiver), nil
}

// direct connects one, and says hello.
func (w *world) direct(i *instance.Instance[who, tally], room string) *direct {
	w.Helper()
	d := &direct{}
	var err error
	if d.BatchReceiver, err = accept(i, d); err != nil {
		w.Fatal(err)
	}
	d.Receive(fmt.Appendf(nil, `{"user":"ann","room":%q}`, room))
	synctest.Wait()
	if got := d.gets(); !slices.Equal(got, []string{fmt.Sprintf("%q", "in "+room)}) {
		w.Fatalf("received %q", got)
	}
	return d
}

func (w *world) got(d *direct, want ...string) {
	w.Helper()
	if got := d.gets(); !slices.Equal(got, want) {
		w.Errorf("received %q\nwant     %q", got, want)
	}
}

// beside connects two that have the same lobby.
func (w *world) beside(i *instance.Instance[who, tally]) (ann, bob *direct) {
	ann = w.direct(i, "")
	for range i.Lobbies() - 1 {
		w.direct(i, "").ends()
	}
	return ann, w.direct(i, "")
}

// What comes to a lobby is answered before ReceiveAll returns, a close too.
func TestTurnAnswersAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		d := w.direct(w.instance(nil), "")
		for n := range 100 {
			d.say(number(n))
			w.got(d, reply(n, "", 0))
		}
		d.say(`{"panic":true}`)
		w.got(d, failure("comm", core.CloseBug, core.CloseBug.Reason()), "1011 (internal error)")
		d.say(number(1)) // is dropped
		d.ends()
		w.got(d)
		w.wantReports("Receive: ")
	})
}

// In a room it waits for nobody: there is a broker.
func TestNoTurnInARoom(t *testing.T) {
	bubble(t, func(w *world) {
		i, err := instance.New(w.in, slowBroker{w.store}, nil)
		if err != nil {
			w.Fatal(err)
		}
		w.instances = append(w.instances, i)
		d := w.direct(i, "")
		began := time.Now()
		d.say(`{"n":1,"go":"r"}`)
		w.got(d, reply(1, "", 0))
		d.say(number(2))
		if took := time.Since(began); took != 0 {
			w.Errorf("it took %v", took)
		}
		time.Sleep(time.Minute)
		w.got(d, `"in r"`, reply(2, "r", 0))
		d.ends()
	})
}

// Who does not take its answer keeps its own transport waiting, and not the lobby.
func TestTurnIsStuck(t *testing.T) {
	bubble(t, func(w *world) {
		ann, bob := w.beside(w.instance(nil))
		gate := make(chan struct{})
		ann.write = func() error { <-gate; return errors.New("gone") }
		go func() {
			ann.say(number(1))
			ann.ends()
		}()
		synctest.Wait()
		for n := range 100 {
			bob.say(number(n))
			w.got(bob, reply(n, "", 0))
		}
		close(gate)
		synctest.Wait()
		w.got(ann)
		bob.ends()
		w.wantReports()
	})
}

// Who takes a turn for its lobby does not go on with what comes meanwhile.
func TestTurnEnds(t *testing.T) {
	bubble(t, func(w *world) {
		var ann, bob *direct
		var handled atomic.Int64
		w.in.Receive = func(_ core.Conn, _ who, _ tally, m core.Message) outcome {
			if string(m) != "0" { // Bob's
				if handled.Add(1) > 10 {
					time.Sleep(time.Second) // on the lobby's own goroutine
				}
			}
			if handled.Load() < 20 {
				bob.Receive([]byte("1"))
			}
			return outcome{Reply: "handled"}
		}
		ann, bob = w.beside(w.instance(nil))
		began := time.Now()
		ann.say("0")
		if took := time.Since(began); took != 0 {
			w.Errorf("it took %v, and %d messages of somebody else's", took, handled.Load())
		}
		time.Sleep(time.Minute)
		if n := handled.Load(); n != 20 {
			w.Errorf("%d messages were handled", n)
		}
		ann.ends()
		bob.ends()
	})
}

// slow has Receive take a second of the bubble's time.
func (w *world) slow() {
	receive := w.in.Receive
	w.in.Receive = func(c core.Conn, d who, r tally, m core.Message) outcome {
		time.Sleep(time.Second)
		return receive(c, d, r, m)
	}
}

// While the lobby is busy, what comes waits for it.
func TestNoTurnBehindOthers(t *testing.T) {
	bubble(t, func(w *world) {
		w.slow()
		ann, bob := w.beside(w.instance(nil))
		ann.Receive([]byte(`{"n":1}`))
		synctest.Wait()
		bob.say(number(2))
		ann.say(number(3))
		w.got(bob)
		time.Sleep(time.Minute)
		w.got(ann, reply(1, "", 0), reply(3, "", 0))
		w.got(bob, reply(2, "", 0))
		ann.ends()
		bob.ends()
	})
}

// A Shutdown waits for what is being answered.
func TestTurnDuringShutdown(t *testing.T) {
	bubble(t, func(w *world) {
		w.slow()
		i := w.instance(nil)
		d := w.direct(i, "")
		go func() {
			d.say(number(1))
			d.say(number(2)) // is refused, or was there in time
			d.ends()
		}()
		synctest.Wait()
		if err := i.Shutdown(context.Background()); err != nil {
			w.Error(err)
		}
		w.got(d, reply(1, "", 0), "1001 (the server is going away)")
	})
}

// Many at once in the same lobbies, of which some tell and some don't: each gets
// its answers, all of them and in order.
func TestTurnsAmongMany(t *testing.T) {
	bubble(t, func(w *world) {
		const messages = 300
		i := w.instance(&instance.Options{Inbound: 4})
		var all sync.WaitGroup
		for n := range 3 * i.Lobbies() / 2 {
			d := w.direct(i, "")
			all.Go(func() {
				want := make([]string, messages)
				for m := range messages {
					if m%7 == n%7 || m%11 == 0 {
						d.Receive(fmt.Appendf(nil, `{"n":%d}`, m))
					} else {
						d.say(number(m))
					}
					want[m] = reply(m, "", 0)
				}
				time.Sleep(time.Minute)
				w.got(d, want...)
				d.ends()
			})
		}
		all.Wait()
		w.wantReports()
	})
}
