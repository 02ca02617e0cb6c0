package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/broker"
)

var (
	errFull  = errors.New("full")
	errOne   = errors.New("one")
	errOther = errors.New("other")
)

// reader is a slow handler: it takes one thing at a time.
type reader struct {
	*Inbox
	told []string
	next chan struct{}
}

func newReader(g *Group) *reader {
	r := &reader{next: make(chan struct{})}
	r.Inbox = g.Open(broker.Handler{
		Message: func(m broker.Message) { r.tell(fmt.Sprintf("%s@%d", m.Body, m.At.Seq)) },
		Gap:     func(reason error) { r.tell(reason.Error()) },
	})
	return r
}

func (r *reader) tell(what string) {
	r.told = append(r.told, what)
	<-r.next
}

// all lets it read what is there, and returns it.
func (r *reader) all() []string {
	for synctest.Wait(); ; synctest.Wait() {
		select {
		case r.next <- struct{}{}:
		default:
			told := r.told
			r.told = nil
			return told
		}
	}
}

func (r *reader) wants(t *testing.T, want ...string) {
	t.Helper()
	if got := r.all(); !slices.Equal(got, want) {
		t.Errorf("told %q; want %q", got, want)
	}
}

func deliver(before uint64, bodies ...string) *Delivery {
	d := &Delivery{Epoch: "e", Before: before}
	for _, b := range bodies {
		d.Bodies = append(d.Bodies, []byte(b))
	}
	return d
}

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(NewGroup(100, errFull))
		r.Deliver(deliver(0, "a", "b"))
		r.Deliver(deliver(2))
		r.Gap(errOne)
		r.Deliver(deliver(2, "c"))
		r.wants(t, "a@1", "b@2", "one", "c@3")
		for n := range uint64(1000) { // the queue's space is used again and again
			r.Deliver(deliver(n, "x"))
			if n%50 == 49 {
				if got := len(r.all()); got != 50 {
					t.Fatalf("told %d things; want 50", got)
				}
			}
		}
	})
}

// What doesn't fit is dropped with all that follows, until all is read; and that
// is told once.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(NewGroup(3, errFull))
		r.Deliver(deliver(0, "handled"))
		synctest.Wait()
		r.Deliver(deliver(1, "a", "b"))
		r.Deliver(deliver(3, "c", "dropped"))
		r.Deliver(deliver(5, "dropped"))
		r.Gap(errOne) // is told of by the gap that comes anyway
		r.wants(t, "handled@1", "a@2", "b@3", "c@4", "full")
		r.Deliver(deliver(6, "again"))
		r.wants(t, "again@7")
	})
}

// Gaps with nothing in between are one.
func TestGapsMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(NewGroup(3, errFull))
		r.Deliver(deliver(0, "a"))
		r.Gap(errOne)
		r.Gap(errOther)
		r.Deliver(deliver(1, "b"))
		r.Gap(errOther)
		r.wants(t, "a@1", "one", "b@2", "other")
	})
}

// After Close nothing is told any more, and the group waits for what is.
func TestCloseAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(3, errFull)
		r, idle := newReader(g), newReader(g)
		r.Deliver(deliver(0, "a", "never"))
		synctest.Wait()
		r.Close()
		r.Deliver(deliver(2, "never"))
		r.Gap(errOne)
		idle.Close()
		idle.Close()
		g.End()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.Wait(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("a handler is running, and Wait says %v", err)
		}
		r.wants(t, "a@1")
		if err := g.Wait(ended); err != nil {
			t.Errorf("nothing is running, and Wait says %v", err)
		}
		if err := g.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
