package conformance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// listener is a subscription that writes down what it hears.
type listener struct {
	c    *trial
	name string
	key  broker.Key
	nth  int // of the handle's in the room, counted from 1
	sub  broker.Subscription

	mu    sync.Mutex // protects what follows
	heard []event
	next  int           // in heard: what the case has not looked at yet
	more  chan struct{} // closed, and made anew, when heard grows
}

// event is what a handler was called for.
type event struct {
	message broker.Message
	gap     error // nil: it is a message
}

// listen subscribes to key.
func (h *handle) listen(key broker.Key) *listener {
	return h.listenWith(key, nil)
}

// listenWith subscribes to key. Each call of the handler calls also first, which
// may be nil, before it writes down what was heard.
func (h *handle) listenWith(key broker.Key, also func(event)) *listener {
	ctx, cancel := h.c.bounded()
	defer cancel()
	l, err := h.subscribe(ctx, key, also)
	if err != nil {
		h.c.fatal("Subscribe returns a subscription", outcome(err))
	}
	return l
}

// subscribe is listenWith for a call that may fail. Then what the handler is
// called for is written down in the listener all the same.
func (h *handle) subscribe(ctx context.Context, key broker.Key, also func(event)) (*listener, error) {
	l := &listener{c: h.c, key: key, nth: h.another(key), more: make(chan struct{})}
	which := "subscription"
	if l.nth > 1 {
		which = fmt.Sprintf("subscription %d", l.nth)
	}
	l.name = fmt.Sprintf("%s's %s to %s", h.name, which, brief(key.Room))
	hear := func(e event) {
		if also != nil {
			also(e)
		}
		l.hear(e)
	}
	sub, err := h.Subscribe(ctx, key, broker.Handler{
		Message: func(m broker.Message) { hear(event{message: m}) },
		Gap: func(reason error) {
			if reason == nil {
				h.c.fail("Gap gets a reason", "it is nil")
			}
			hear(event{gap: fmt.Errorf("gap: %w", reason)})
		},
	})
	h.c.tell(step{handle: h, verb: "Subscribe", key: key, listener: l, err: err})
	if err != nil {
		return l, err
	}
	l.sub = sub
	return l, nil
}

// another counts the listeners of the handle in a room, so that the story can tell
// one from the other.
func (h *handle) another(key broker.Key) int {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	h.listeners[key]++
	return h.listeners[key]
}

func (l *listener) hear(e event) {
	if e.gap != nil {
		l.c.note("%s: %v", l.name, e.gap)
	} else {
		l.c.tell(step{listener: l, message: &e.message})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, e)
	close(l.more)
	l.more = make(chan struct{})
}

// takeFor waits for what is heard next, for that long.
func (l *listener) takeFor(d time.Duration) (event, bool) {
	patience := time.NewTimer(d)
	defer patience.Stop()
	for {
		l.mu.Lock()
		if l.next < len(l.heard) {
			e := l.heard[l.next]
			l.next++
			l.mu.Unlock()
			return e, true
		}
		more := l.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-patience.C:
			return event{}, false
		}
	}
}

// gets waits for what is heard next, which has to be what is expected.
func (l *listener) gets(expected string) event {
	patience := l.c.suite.harness.Patience
	e, ok := l.takeFor(patience)
	if !ok {
		l.c.fatal(l.name+" gets "+expected, fmt.Sprintf("nothing came in %v", patience))
	}
	return e
}

// message is gets for what has to be a message.
func (l *listener) message(expected string) broker.Message {
	e := l.gets(expected)
	if e.gap != nil {
		l.c.fatal(l.name+" gets "+expected, e.gap.Error())
	}
	return e.message
}

// bodies waits for these messages, and no other between them.
func (l *listener) bodies(bodies ...string) {
	for _, body := range bodies {
		if m := l.message("the message " + brief(body)); string(m.Body) != body {
			l.c.fatal(l.name+" gets the message "+brief(body), "it gets "+l.c.show(m))
		}
	}
}

// nothing shows that nothing more was to be heard, also by others of the room: what
// is published now by h is what comes next, twice.
func (l *listener) nothing(h *handle, others ...*listener) {
	for _, barrier := range []string{"barrier", "second barrier"} {
		h.publish(l.key, barrier)
		l.bodies(barrier)
		for _, other := range others {
			other.bodies(barrier)
		}
	}
}

// count is how much was heard so far.
func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.heard)
}

// close ends the subscription.
func (l *listener) close() {
	ctx, cancel := l.c.bounded()
	defer cancel()
	err := l.sub.Close(ctx)
	l.c.note("%s is closed%s", l.name, suffix(err))
	if err != nil {
		l.c.fatal("the subscription is closed", outcome(err))
	}
}

func suffix(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
