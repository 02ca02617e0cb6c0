package instance_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
)

// numbers are messages, and their answers in a room.
func numbers(from, to int, room string) (messages, answers []string) {
	for n := from; n < to; n++ {
		messages = append(messages, number(n))
		answers = append(answers, reply(n, room, 0))
	}
	return messages, answers
}

// What comes together to a lobby is answered at once, in one Write.
func TestBatchIsAnsweredTogether(t *testing.T) {
	bubble(t, func(w *world) {
		d := w.direct(w.instance(nil), "")
		writes := 0
		d.write = func() error { writes++; return nil }
		messages, answers := numbers(0, 30, "")
		d.say(messages...)
		w.got(d, answers...)
		if writes != 1 {
			t.Errorf("%d Writes", writes)
		}
		d.ends()
	})
}

// What comes together to a room shares a commit.
func TestBatchSharesACommit(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		d := w.direct(i, "r")
		before := w.store.called(commit)
		var messages, want []string
		for n := range 20 {
			messages = append(messages, fmt.Sprintf(`{"n":%d,"add":1}`, n))
			want = append(want, reply(n, "r", n+1))
		}
		d.say(messages...)
		synctest.Wait()
		w.got(d, want...)
		if n := w.store.called(commit) - before; n != 1 {
			t.Errorf("%d commits", n)
		}
		d.ends()
	})
}

// More than there are slots for is taken in as slots become free, in a lobby, in a
// room, and while another goroutine has the lobby.
func TestBatchIsLargerThanTheSlots(t *testing.T) {
	bubble(t, func(w *world) {
		w.slow()
		i := w.instance(&instance.Options{Inbound: 4})
		ann, bob := w.beside(i)
		cem := w.direct(i, "r")
		bob.Receive([]byte(number(0)))
		synctest.Wait() // the lobby is busy
		messages, answers := numbers(0, 50, "")
		_, answersInR := numbers(0, 50, "r")
		go ann.say(messages...)
		go cem.say(messages...)
		synctest.Wait()
		if n := i.SlotsTaken(); n != 1+4+4 {
			t.Errorf("%d slots are taken", n)
		}
		time.Sleep(10 * time.Minute)
		w.got(ann, answers...)
		w.got(cem, answersInR...)
		for _, d := range []*direct{ann, bob, cem} {
			d.ends()
		}
		w.wantReports()
	})
}

// One of a batch has the connection change its room: the rest is handled there.
func TestBatchMoves(t *testing.T) {
	for name, inbound := range map[string]int{"at once": 32, "in pieces": 3} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				d := w.direct(w.instance(&instance.Options{Inbound: inbound}), "")
				before, want := numbers(0, 10, "")
				in, answersIn := numbers(11, 20, "r")
				out, answersOut := numbers(21, 30, "")
				d.say(slices.Concat(before, []string{`{"n":10,"go":"r"}`}, in, []string{`{"n":20,"go":""}`}, out)...)
				time.Sleep(time.Minute)
				w.got(d, slices.Concat(want, []string{reply(10, "", 0), `"in r"`}, answersIn, []string{reply(20, "r", 0), `"in "`}, answersOut)...)
				d.ends()
			})
		})
	}
}

// One of a batch ends the connection: those before it are answered, those behind
// it are not.
func TestBatchEnds(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{Inbound: 3})
		for _, room := range []string{"", "r"} {
			d := w.direct(i, room)
			d.say(number(1), number(2), `{"n":3,"close":4001}`, number(4), number(5), number(6), number(7))
			synctest.Wait()
			d.ends()
			synctest.Wait()
			w.got(d, reply(1, room, 0), reply(2, room, 0), reply(3, room, 0), "4001")
			d.say(number(8), number(9)) // nobody has to, and it does nothing
			w.got(d)
		}
	})
}

// The rate goes for each of a batch: those within it are answered.
func TestBatchIsTooFast(t *testing.T) {
	for _, inbound := range []int{8, 23} { // it comes out in the middle of what is taken in together, and between
		bubble(t, func(w *world) {
			i := w.instance(&instance.Options{Rate: 7, Inbound: inbound})
			d := w.direct(i, "") // the first of ten seconds' worth
			messages, answers := numbers(0, 80, "")
			d.say(messages...)
			time.Sleep(time.Minute)
			w.got(d, append(answers[:69:69], failure("comm", core.ClosePolicy, "too many messages"), "1008 (refused)")...)
			if n := i.SlotsTaken(); n != 0 {
				t.Errorf("%d slots are taken", n)
			}
			d.ends()
		})
	}
}

// What waits for a slot happens when it is taken in: in a room no time goes back.
func TestBatchTakesItsTime(t *testing.T) {
	bubble(t, func(w *world) {
		var times []time.Duration
		began := time.Now()
		w.in.Receive = func(c core.Conn, _ who, _ tally, _ core.Message) outcome {
			times = append(times, c.Now.Sub(began))
			time.Sleep(time.Second)
			return outcome{}
		}
		d := w.direct(w.instance(&instance.Options{Inbound: 2}), "")
		d.say(number(1), number(2), number(3), number(4))
		if want := []time.Duration{0, 0, 2 * time.Second, 2 * time.Second}; !slices.Equal(times, want) {
			t.Errorf("messages came after %v, want %v", times, want)
		}
		d.ends()
	})
}

// Who sends a lot and reads slowly is not too slow for its own answers: it is read
// from slowly.
func TestBatchToASlowReader(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{Inbound: 8, OutboundMessages: 24})
		for _, room := range []string{"", "r"} {
			d := w.direct(i, room)
			d.write = func() error { time.Sleep(time.Second); return nil }
			messages, answers := numbers(0, 300, room)
			var in atomic.Bool
			go func() {
				d.say(messages...)
				in.Store(true)
			}()
			time.Sleep(time.Second)
			if in.Load() {
				t.Error("all is in, and nothing was read")
			}
			time.Sleep(10 * time.Minute)
			w.got(d, answers...)
			d.ends()
		}
	})
}

// Who was closed for being too slow may still send, and nothing comes of it.
func TestBatchAfterTheEnd(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{Inbound: 4, OutboundMessages: 12})
		d := w.direct(i, "r")
		gate := make(chan struct{})
		d.write = func() error { <-gate; return nil }
		for range 14 { // one is being written
			if err := i.Publish(t.Context(), "r", core.ToAll("x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		w.got(d, "1008 (refused)")
		for range 3 {
			messages, _ := numbers(0, 10, "")
			d.say(messages...)
		}
		if n := i.SlotsTaken(); n != 0 {
			t.Errorf("%d slots are taken", n)
		}
		close(gate)
		d.ends()
	})
}

// A hello may have more behind it, and the time for it is over only without one.
func TestBatchBeginsWithTheHello(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		for _, room := range []string{"", "r"} {
			d := &direct{}
			var err error
			if d.BatchReceiver, err = accept(i, d); err != nil {
				t.Fatal(err)
			}
			messages, answers := numbers(0, 10, room)
			d.say(slices.Concat([]string{fmt.Sprintf(`{"user":"ann","room":%q}`, room)}, messages)...)
			time.Sleep(time.Minute)
			w.got(d, slices.Concat([]string{fmt.Sprintf("%q", "in "+room)}, answers)...)
			d.ends()
		}
		silent := &direct{}
		var err error
		if silent.BatchReceiver, err = accept(i, silent); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := strings.Join(silent.gets(), " "); !strings.HasSuffix(got, "1008 (refused)") {
			t.Errorf("it gets %s", got)
		}
		silent.ends()
	})
}
