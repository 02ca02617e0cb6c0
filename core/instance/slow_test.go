package instance_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport/pipe"
)

// A client that doesn't read is closed when too much waits for it, without any
// time passing; the others of its room get everything meanwhile.
func TestSlowClient(t *testing.T) {
	for _, c := range []struct {
		name string
		o    instance.Options
		size int
		ok   int // messages that it gets
	}{
		// One in the pipe's buffer, one in the Write that is stuck, and what may wait.
		{"messages", instance.Options{OutboundMessages: 10}, 10, 1 + 1 + 10},
		{"bytes", instance.Options{OutboundBytes: 1000}, 98, 1 + 1 + 10},
		{"one large message", instance.Options{OutboundBytes: 10}, 98, 1 + 1 + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(w *world) {
				i := w.instance(&c.o)
				began := time.Now()
				bob := w.join(i, "bob", "r")
				slow := w.dial(i, &pipe.Options{Buffer: 1, WriteTimeout: time.Hour})
				slow.send(who{"slow", "r"})
				slow.want(`"in r"`)
				say := func() {
					if err := i.Publish(context.Background(), "r", core.ToAll(strings.Repeat("x", c.size))); err != nil {
						w.Fatal(err)
					}
					bob.want(fmt.Sprintf("%q", strings.Repeat("x", c.size)))
					synctest.Wait()
				}
				for range c.ok {
					say()
				}
				if m := w.members("r"); len(strings.Fields(m)) != 2 {
					w.Fatalf("members while %d messages wait: %s", c.ok, m)
				}
				say()
				if m := w.members("r"); m != "bob" {
					w.Errorf("members: %s", m) // its Leave ran at once
				}
				for range 100 {
					say()
				}
				slow.want(fmt.Sprintf("%q", strings.Repeat("x", c.size))) // what the pipe had
				slow.wantClosed(core.ClosePolicy, "too slow")
				if took := time.Since(began); took != 0 {
					w.Errorf("it took %v", took)
				}
				w.wantReports()
			})
		})
	}
}

// Whoever is closed is told so after all that was sent to it.
func TestCloseComesLast(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		c := w.dial(i, &pipe.Options{Buffer: 1})
		c.send(who{"ann", "r"})
		for n := range 20 {
			c.send(wish{N: n})
		}
		c.send(wish{N: 20, Close: 4001})
		c.send(wish{N: 21}) // nobody listens any more
		synctest.Wait()
		c.want(`"in r"`)
		for n := range 21 {
			c.want(reply(n, "r", 0))
		}
		m, err := c.next()
		if end, ok := err.(*pipe.CloseError); !ok || end.Code != 4001 || end.Reason != "" {
			w.Errorf("received %s, %v", m, err)
		}
	})
}

// A client that is gone costs nothing: no report, no goroutine, and a Leave.
func TestClientIsGone(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		bob := w.join(i, "bob", "r")
		gone := w.dial(i, &pipe.Options{Buffer: 1, WriteTimeout: time.Hour})
		gone.send(who{"gone", "r"})
		gone.want(`"in r"`)
		for n := range 10 {
			bob.send(wish{N: n, Say: "x"})
			bob.want(reply(n, "r", 0))
		}
		synctest.Wait()
		gone.Abort()
		synctest.Wait()
		if m := w.members("r"); m != "bob" {
			w.Errorf("members: %s", m)
		}
		w.wantReports()
	})
}

// stuck is a transport whose peer takes nothing, and which takes long to notice
// that the connection is closed.
type stuck struct {
	first  sync.Once
	closed chan core.CloseCode
	cut    chan struct{}
}

func (s *stuck) Write([][]byte) error {
	<-s.cut
	return errDown
}

func (s *stuck) Close(code core.CloseCode, _ string) {
	s.first.Do(func() {
		s.closed <- code
		close(s.cut)
	})
}

// The Leave of a client that is too slow doesn't wait for its transport, which may
// go on handing in what it has: nothing comes of it, and nothing blocks.
func TestSlowTransport(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{OutboundMessages: 2})
		s := &stuck{closed: make(chan core.CloseCode, 1), cut: make(chan struct{})}
		session, err := i.Accept(s, core.Handshake{})
		if err != nil {
			w.Fatal(err)
		}
		session.Receive([]byte(`{"user":"slow","room":"r"}`))
		synctest.Wait()
		for n := range 3 {
			if m := w.members("r"); m != "slow" {
				w.Fatalf("members when %d messages wait: %q", n, m)
			}
			if err := i.Publish(context.Background(), "r", core.ToAll(n)); err != nil {
				w.Fatal(err)
			}
			synctest.Wait()
		}
		if code := <-s.closed; code != core.ClosePolicy {
			w.Errorf("closed with %d", code)
		}
		if m := w.members("r"); m != "" {
			w.Errorf("members: %s", m)
		}
		for range 100 {
			session.Receive([]byte(`{"add":1}`))
		}
		session.Violated(core.CloseBinary)
		synctest.Wait()
		session.Closed(core.CloseLost, "")
		if v := w.value("r"); v != "" {
			w.Errorf("state: %s", v)
		}
		w.wantReports()
	})
}

// A client that reads can't be too slow for the answers to what it sends, however
// much it sends at once.
func TestManyAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{OutboundMessages: 96})
		c := w.join(i, "ann", "r")
		go func() {
			for n := range 1000 {
				c.send(wish{N: n})
			}
		}()
		for n := range 1000 {
			c.want(reply(n, "r", 0))
		}
		w.wantReports()
	})
}
