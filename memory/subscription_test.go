package memory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

// recorder is a handler that writes down what it gets.
type recorder struct {
	mu       sync.Mutex // protects the rest
	messages []broker.Message
	log      []string // bodies, and "gap"
}

func (r *recorder) handler() broker.Handler {
	return broker.Handler{
		Message: func(m broker.Message) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.messages = append(r.messages, m)
			r.log = append(r.log, string(m.Body))
		},
		Gap: func(reason error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !errors.Is(reason, memory.ErrOverflow) {
				r.log = append(r.log, reason.Error())
			}
			r.log = append(r.log, "gap")
		},
	}
}

// got waits until all is quiet, and returns what was written down since.
func (r *recorder) got() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	log := strings.Join(r.log, " ")
	r.log = nil
	return log
}

func subscribe(t testing.TB, b broker.Broker, key broker.Key, h broker.Handler) broker.Subscription {
	t.Helper()
	s, err := b.Subscribe(t.Context(), key, h)
	if err != nil {
		t.Error(err)
	}
	return s
}

// hold makes a handler that announces each message and waits until the test lets
// it go on.
func hold(h broker.Handler) (held broker.Handler, entered <-chan string, release chan<- struct{}) {
	in, out := make(chan string), make(chan struct{})
	return broker.Handler{Gap: h.Gap, Message: func(m broker.Message) {
		in <- string(m.Body)
		<-out
		h.Message(m)
	}}, in, out
}

// Rules 24 and 25.
func TestSubscriptionBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var first, second, elsewhere recorder
		publish(t, b, room, "before")
		subscribe(t, b, room, first.handler())
		publish(t, b, room, "1")
		subscribe(t, b, room, second.handler())
		subscribe(t, b, room, second.handler())
		subscribe(t, b, broker.Key{Namespace: "test", Room: "elsewhere"}, elsewhere.handler())
		publish(t, b, room, "2")
		want(t, "first", first.got(), "1 2")
		want(t, "second, twice subscribed", second.got(), "2 2")
		want(t, "elsewhere", elsewhere.got(), "")
	})
}

func TestSubscribeIsEstablishedWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		recorders := make([]recorder, 200)
		for i := range recorders { // with others subscribing and publishing meanwhile
			key := broker.Key{Room: fmt.Sprint(i % 10)}
			go func() {
				subscribe(t, b, key, recorders[i].handler())
				publish(t, b, key, "mine")
				publish(t, b, key, fmt.Sprint("last", i))
			}()
		}
		for i := range recorders {
			if got := recorders[i].got(); !strings.Contains(got, "mine") || !strings.Contains(got, fmt.Sprint("last", i)) {
				t.Errorf("%d got only: %s", i, got)
			}
		}
	})
}

// Rules 20 to 23: many writers, and every subscriber gets one order, without
// holes, with the messages of a commit together.
func TestOrderOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers, each = 8, 30
		b := memory.New(nil)
		recorders := make([]recorder, 3)
		for i := range recorders {
			subscribe(t, b, room, recorders[i].handler())
		}
		var mu sync.Mutex // protects receipts
		receipts := map[broker.CommitID]broker.Receipt{}
		for w := range writers {
			go func() {
				for n := range uint64(each) {
					c := broker.Commit{ID: id(fmt.Sprint("w", w), n+1), Value: put("v"), Messages: [][]byte{[]byte("1"), []byte("2"), []byte("3")}}
					if n%3 == 0 {
						c.Value = broker.Change{}
					}
					receipt := commit(t, b, room, c)
					want(t, "the receipt of a repeated commit", commit(t, b, room, c), receipt)
					refused := c
					refused.ID.N, refused.Members = n+2, []broker.MemberChange{{Op: broker.Require, ID: "nobody"}}
					if _, err := b.Commit(t.Context(), room, refused); err == nil {
						t.Error("a commit that requires nobody was applied")
					}
					mu.Lock()
					receipts[c.ID] = receipt
					mu.Unlock()
				}
			}()
		}
		synctest.Wait()
		epoch := load(t, b, room).At.Epoch
		for i := range recorders {
			want(t, "messages", len(recorders[i].messages), 3*writers*each)
			for j, m := range recorders[i].messages {
				receipt := receipts[m.Commit]
				want(t, "the position", m.At, broker.Position{Epoch: epoch, Seq: uint64(j + 1)})
				want(t, "the commit's last", receipt.At.Seq, uint64(j/3*3+3))
				want(t, "the body", string(m.Body), fmt.Sprint(j%3+1))
				want(t, "the version", m.Version, receipt.Version)
			}
		}
	})
}

// Rule 26: one call at a time, and nobody else waits for it.
func TestHandlerIsSerial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var slow, quick recorder
		held, entered, release := hold(slow.handler())
		subscribe(t, b, room, held)
		subscribe(t, b, room, quick.handler())
		for i := range 3 {
			publish(t, b, room, fmt.Sprint(i), "and")
		}
		want(t, "quick", quick.got(), "0 and 1 and 2 and")
		for range 6 {
			<-entered
			synctest.Wait()
			select {
			case body := <-entered:
				t.Errorf("%s is handled beside another", body)
			default:
			}
			release <- struct{}{}
		}
		want(t, "slow", slow.got(), "0 and 1 and 2 and")
	})
}

// Rule 27: what fits comes, then one gap, then what is committed after it. The
// publisher never waits, and neither does another subscription.
func TestOverflowIsOneGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(&memory.Options{Queue: 3})
		var slow, quick recorder
		held, entered, release := hold(slow.handler())
		subscribe(t, b, room, held)
		subscribe(t, b, room, quick.handler())

		publish(t, b, room, "1")
		want(t, "in the handler", <-entered, "1")
		for _, bodies := range [][]string{{"2", "3"}, {"4", "lost"}, {"lost"}} {
			publish(t, b, room, bodies...)
			want(t, "quick", strings.TrimPrefix(quick.got(), "1 "), strings.Join(bodies, " "))
		}
		release <- struct{}{}
		for _, body := range []string{"2", "3"} {
			want(t, "in the handler", <-entered, body)
			publish(t, b, room, "lost too") // although there is room: the queue has not run dry
			release <- struct{}{}
		}
		want(t, "in the handler", <-entered, "4")
		release <- struct{}{}
		want(t, "slow", slow.got(), "1 2 3 4 gap")

		go func() {
			for range 2 {
				<-entered
				release <- struct{}{}
			}
		}()
		publish(t, b, room, "after", "wards")
		want(t, "slow, later", slow.got(), "after wards")
	})
}

func TestCommitLargerThanTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(&memory.Options{Queue: 2})
		var r recorder
		subscribe(t, b, room, r.handler())
		for range 2 {
			publish(t, b, room, "1", "2", "lost")
			want(t, "got", r.got(), "1 2 gap")
		}
	})
}

func TestCommitBeyondAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(&memory.Options{Queue: 2})
		var r recorder
		held, entered, release := hold(r.handler())
		subscribe(t, b, room, held)
		publish(t, b, room, "1")
		<-entered
		publish(t, b, room, "2", "3")
		publish(t, b, room, "lost", "lost")
		for range 2 {
			release <- struct{}{}
			<-entered
		}
		release <- struct{}{}
		want(t, "got", r.got(), "1 2 3 gap")
	})
}

// Rule 28: what is committed when Gap is called is not lost.
func TestMessagesCommittedInGapArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(&memory.Options{Queue: 1})
		var r recorder
		h := r.handler()
		gap := h.Gap
		h.Gap = func(reason error) {
			gap(reason)
			publish(t, b, room, "in gap")
		}
		subscribe(t, b, room, h)
		publish(t, b, room, "1", "lost")
		want(t, "got", r.got(), "1 gap in gap")
	})
}

// A long queue that is drained while it is filled keeps its order and its bound.
func TestQueueThatNeverRunsDry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(&memory.Options{Queue: 100})
		var r recorder
		held, entered, release := hold(r.handler())
		subscribe(t, b, room, held)
		next := 0
		more := func(n int) {
			for range n {
				publish(t, b, room, fmt.Sprint(next))
				next++
			}
		}
		more(80)
		for range 2000 {
			<-entered
			more(1)
			release <- struct{}{}
		}
		for range 80 {
			<-entered
			release <- struct{}{}
		}
		for i, body := range strings.Fields(r.got()) {
			want(t, "body", body, fmt.Sprint(i))
		}
		want(t, "messages", len(r.messages), next)
	})
}

// Rule 29.
func TestSubscriptionClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var closed, other recorder
		held, entered, release := hold(closed.handler())
		s := subscribe(t, b, room, held)
		subscribe(t, b, room, other.handler())
		publish(t, b, room, "1", "2")
		<-entered
		for range 2 {
			if err := s.Close(t.Context()); err != nil { // returns although the handler is stuck
				t.Error(err)
			}
		}
		publish(t, b, room, "3")
		release <- struct{}{}
		want(t, "closed", closed.got(), "1")
		want(t, "other", other.got(), "1 2 3")
	})
}

// Rule 30, and that a handler's own commits come to it.
func TestHandlerCallsTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var r recorder
		var s broker.Subscription
		h := r.handler()
		record := h.Message
		h.Message = func(m broker.Message) {
			record(m)
			load(t, b, room)
			subscribe(t, b, room, r.handler())
			if string(m.Body) == "1" {
				publish(t, b, room, "2")
				return
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
			publish(t, b, room, "3")
		}
		s = subscribe(t, b, room, h)
		publish(t, b, room, "1")
		want(t, "got", len(strings.Fields(r.got())), 5) // 1 and 2; 2; 3 by the two new ones
	})
}

// All that the bubble would see is left behind by an idle subscription: nothing.
func TestIdleSubscriptionHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var r recorder
		subscribe(t, b, room, r.handler())
		publish(t, b, room, "1")
		want(t, "got", r.got(), "1")
		// The bubble fails if a goroutine is left when this returns.
	})
}

func TestBodiesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var r recorder
		subscribe(t, b, room, r.handler())
		subscribe(t, b, room, r.handler())
		body := make([]byte, 1, 8)
		if err := broker.Publish(t.Context(), b, room, body); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, m := range r.messages {
			want(t, "the first byte", &m.Body[0], &body[0])
			want(t, "the capacity, so that append copies", cap(m.Body), 1)
		}
	})
}

// Rule 33.
func TestBrokerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var stuck, r recorder
		held, entered, release := hold(stuck.handler())
		s := subscribe(t, b, room, held)
		subscribe(t, b, room, r.handler())
		publish(t, b, room, "1", "2")
		<-entered
		want(t, "got", r.got(), "1 2")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close beside a handler that runs: %v, want context.DeadlineExceeded", err)
		}
		want(t, "Close took", time.Since(start), time.Second)

		_, loadErr := b.Load(t.Context(), room, false)
		_, commitErr := b.Commit(t.Context(), room, broker.Commit{ID: id("a", 1)})
		_, subscribeErr := b.Subscribe(t.Context(), room, r.handler())
		for _, err := range []error{loadErr, commitErr, subscribeErr, broker.Publish(t.Context(), b, room, nil)} {
			if !errors.Is(err, broker.ErrClosed) {
				t.Errorf("after Close: %v, want ErrClosed", err)
			}
		}

		closed := make(chan error)
		go func() { closed <- b.Close(t.Context()) }() // again, and with patience
		synctest.Wait()
		select {
		case err := <-closed:
			t.Errorf("Close did not wait for the handler: %v", err)
		default:
		}
		release <- struct{}{}
		want(t, "Close", <-closed, nil)
		want(t, "Close of a subscription of a closed broker", s.Close(t.Context()), nil)
		want(t, "stuck", stuck.got(), "1")
	})
}

func TestBrokerCloseInHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(nil)
		var r recorder
		h := r.handler()
		record := h.Message
		h.Message = func(m broker.Message) {
			record(m)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) { // it waits for this very call
				t.Errorf("Close in a handler: %v, want context.DeadlineExceeded", err)
			}
		}
		subscribe(t, b, room, h)
		publish(t, b, room, "1", "2")
		synctest.Wait()
		want(t, "Close", b.Close(t.Context()), nil)
		want(t, "got", r.got(), "1")
	})
}

func TestHandlerNeedsBothFunctions(t *testing.T) {
	b := memory.New(nil)
	for _, h := range []broker.Handler{{}, {Message: func(broker.Message) {}}, {Gap: func(error) {}}} {
		if _, err := b.Subscribe(t.Context(), room, h); err == nil {
			t.Errorf("%+v was taken", h)
		}
	}
}
