package conformance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// gate holds up whoever calls wait until open is called, or the case ends. Who
// makes one defers open, so that no handler of the broker is left waiting.
func (c *trial) gate() (wait, open func()) {
	opened := make(chan struct{})
	wait = func() {
		select {
		case <-opened:
		case <-c.ctx.Done():
		}
	}
	return wait, sync.OnceFunc(func() { close(opened) })
}

// await gives up unless done is closed within patience.
func (c *trial) await(done <-chan struct{}, expected string) {
	patience := time.NewTimer(c.suite.harness.Patience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		c.fatal(expected, fmt.Sprintf("not in %v", c.suite.harness.Patience))
	}
}

// stuck is a listener whose handler doesn't return from its first call before
// release is called. That call is written down only then.
type stuck struct {
	*listener
	busy    <-chan struct{} // closed when the handler is in that call
	release func()
}

// listenStuck subscribes to key. The caller defers release.
func (h *handle) listenStuck(key broker.Key) *stuck { return h.listenStuckWith(key, nil) }

// listenStuckWith is listenStuck with a handler that also calls also, unless nil.
func (h *handle) listenStuckWith(key broker.Key, also func(event)) *stuck {
	wait, open := h.c.gate()
	busy := make(chan struct{})
	first := sync.OnceFunc(func() { close(busy) })
	l := h.listenWith(key, func(e event) {
		if also != nil {
			also(e)
		}
		first()
		wait()
	})
	return &stuck{listener: l, busy: busy, release: open}
}

// stick publishes a message, and returns once the handler of s is stuck in it.
func (s *stuck) stick(h *handle, body string) {
	h.publish(s.key, body)
	s.c.await(s.busy, s.name+" gets the message "+brief(body))
	s.c.note("%s is stuck in the message %s", s.name, brief(body))
}

// until waits for this message, whatever messages come before it.
func (l *listener) until(body string) {
	for {
		if m := l.message("the message " + brief(body)); string(m.Body) == body {
			return
		}
	}
}

// atMost gives up if more than n was heard so far.
func (l *listener) atMost(n int, why string) {
	if got := l.count(); got > n {
		l.c.fatal(fmt.Sprintf("%s gets %d of its calls at most: %s", l.name, n, why), fmt.Sprintf("it got %d", got))
	}
}

// shut closes the handle, which has to succeed.
func (h *handle) shut() {
	ctx, cancel := h.c.bounded()
	defer cancel()
	if err := h.closeWith(ctx); err != nil {
		h.c.fatal("the handle is closed", outcome(err))
	}
}

// closeWith closes the handle within ctx, and returns what it answers.
func (h *handle) closeWith(ctx context.Context) error {
	h.c.note("%s.Close() begins", h.name)
	err := h.Close(ctx)
	h.c.note("%s.Close() → %s", h.name, outcome(err))
	return err
}

// busy returns a handle of its own with a handler that b has got stuck.
func (c *trial) busy(b *handle) (*handle, *stuck) {
	a := c.own()
	s := a.listenStuck(c.key())
	s.stick(b, "x")
	return a, s
}

// within gives up unless f returns within patience.
func (c *trial) within(expected string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.guard(f)
	}()
	c.await(done, expected)
	if c.failed() {
		panic(gaveUp{})
	}
}

// poll asks done now and then, until it says so or patience ends.
func (c *trial) poll(done func() bool) bool {
	began := time.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		if done() {
			return true
		}
		if time.Since(began) > c.suite.harness.Patience {
			return false
		}
		c.pause(pause)
	}
}

// breathe gives the broker's goroutines, and the case's, the time to do what they
// must not, so that it is found more often. What holds without it, holds.
func breathe() { time.Sleep(time.Millisecond) }
