package instance_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

// end is a transport's end of a connection that counts.
type end struct {
	mu      sync.Mutex // protects what follows
	written int
	closed  []core.CloseCode
}

func (e *end) Write(messages [][]byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.written += len(messages)
	return nil
}

func (e *end) Close(code core.CloseCode, _ string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = append(e.closed, code)
}

func (e *end) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.written
}

// flood hands in messages as fast as the instance takes them.
type flood struct {
	end
	session transport.Session
	taken   atomic.Int64 // Receives that have returned
	over    chan struct{}
}

func (w *world) flood(i *instance.Instance[who, tally], room string, messages ...string) *flood {
	w.Helper()
	f := &flood{over: make(chan struct{})}
	var err error
	if f.session, err = i.Accept(f, core.Handshake{}); err != nil {
		w.Fatal(err)
	}
	f.session.Receive(fmt.Appendf(nil, `{"user":"flood","room":%q}`, room))
	synctest.Wait()
	go func() {
		defer close(f.over)
		for _, m := range messages {
			f.session.Receive([]byte(m))
			f.taken.Add(1)
		}
	}()
	synctest.Wait()
	return f
}

// goes waits for the end of the flood, and of the connection.
func (f *flood) goes() {
	<-f.over
	f.session.Closed(core.CloseNormal, "")
	synctest.Wait()
}

func TestFloodIsSlowedDown(t *testing.T) {
	bubble(t, func(w *world) {
		const inbound = 5
		i := w.instance(&instance.Options{Inbound: inbound})
		w.join(i, "bob", "r") // so that the flood's room is warm
		messages := make([]string, 100)
		for n := range messages {
			messages[n] = fmt.Sprintf(`{"n":%d,"add":1}`, n)
		}
		slow := slowBroker{w.store}
		i2, err := instance.New(w.in, slow, &instance.Options{Inbound: inbound})
		if err != nil {
			w.Fatal(err)
		}
		w.instances = append(w.instances, i2)
		f := w.flood(i2, "r", messages...)
		for done := false; !done; {
			synctest.Wait()
			answered := max(0, f.count()-1) // without the Join
			if waiting := int(f.taken.Load()) - answered; waiting > inbound {
				w.Fatalf("%d messages wait, when %d are answered", waiting, answered)
			}
			if f.count() == 0 && f.taken.Load() != inbound {
				w.Fatalf("%d messages wait for the Join", f.taken.Load())
			}
			time.Sleep(time.Second / 2)
			done = answered == len(messages)
		}
		f.goes()
		if v := w.value("r"); v[:11] != `{"sum":100,` {
			w.Errorf("state: %s", v)
		}
	})
}

// What waits when a connection changes its room holds its slots all the same.
func TestFloodThroughRooms(t *testing.T) {
	bubble(t, func(w *world) {
		const inbound = 4
		i, err := instance.New(w.in, slowBroker{w.store}, &instance.Options{Inbound: inbound})
		if err != nil {
			w.Fatal(err)
		}
		w.instances = append(w.instances, i)
		var messages []string
		for n := range 60 {
			messages = append(messages, fmt.Sprintf(`{"n":%d,"go":%q}`, n, []string{"a", "b", ""}[n%3]))
		}
		f := w.flood(i, "", messages...)
		for n := 0; ; n++ {
			synctest.Wait()
			// One is answered by Receive and by the next Join.
			if waiting := int(f.taken.Load()) - f.count()/2; waiting > inbound {
				w.Fatalf("%d messages wait, when %d are answered", waiting, f.count()/2)
			}
			if f.count() == 1+2*len(messages) {
				break
			}
			if n > 1000 {
				w.Fatalf("only %d messages were answered", f.count()/2)
			}
			time.Sleep(time.Second / 2)
		}
		f.goes()
	})
}

// slowBroker takes a second for each commit.
type slowBroker struct{ broker.Broker }

func (s slowBroker) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	time.Sleep(time.Second)
	return s.Broker.Commit(ctx, key, c)
}

func TestTooFast(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{Rate: 3})
		ann := w.join(i, "ann", "r") // the first of ten seconds' worth
		for n := range 29 {
			ann.send(wish{N: n})
			ann.want(reply(n, "r", 0))
		}
		for _, c := range []struct {
			pause time.Duration
			more  int
		}{{time.Second, 3}, {time.Hour, 30}} {
			time.Sleep(c.pause)
			for n := range c.more {
				ann.send(wish{N: n})
				ann.want(reply(n, "r", 0))
			}
		}
		ann.send(wish{N: 4})
		ann.want(failure("comm", core.ClosePolicy, "too many messages"))
		ann.wantClosed(core.ClosePolicy, core.ClosePolicy.Reason())

		free := w.instance(&instance.Options{Rate: -1})
		bob := w.join(free, "bob", "r")
		for n := range 1000 {
			bob.send(wish{N: n})
			bob.want(reply(n, "r", 0))
		}
	})
}

func TestHelloTimeout(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(&instance.Options{HelloTimeout: 3 * time.Second})
		ann, bob := w.dial(i, nil), w.dial(i, nil)
		time.Sleep(3*time.Second - 1)
		bob.send(who{"bob", "r"})
		ann.wantNothing()
		time.Sleep(time.Nanosecond)
		ann.want(failure("auth", core.ClosePolicy, "no message in time"))
		ann.wantClosed(core.ClosePolicy, core.ClosePolicy.Reason())
		bob.want(`"in r"`)
		time.Sleep(time.Hour)
		bob.wantNothing()
	})
}

func TestAuthenticateOnConnect(t *testing.T) {
	bubble(t, func(w *world) {
		w.in.AuthenticateOnConnect = true
		authenticate := w.in.Authenticate
		w.in.Authenticate = func(c core.Conn, hello core.Message) (who, *core.Failure) {
			if len(hello) > 0 {
				t.Errorf("hello: %s", hello)
			}
			return authenticate(c, c.Handshake.Claims)
		}
		i := w.instance(nil)
		ann := w.dial(i, &pipe.Options{Handshake: core.Handshake{Claims: core.Message(`{"user":"ann","room":"r"}`)}})
		ann.want(`"in r"`)
		time.Sleep(time.Hour) // no hello is due
		ann.send(wish{N: 1})
		ann.want(reply(1, "r", 0))
		eve := w.dial(i, nil)
		eve.want(`{"id":"auth","success":false,"error-code":1,"errors":{"auth":"who are you?"}}`)
		eve.wantClosed(core.ClosePolicy, core.ClosePolicy.Reason())
	})
}

func TestPipelined(t *testing.T) {
	bubble(t, func(w *world) {
		c := w.dial(w.instance(nil), nil)
		c.send(who{"ann", "r"})
		for n := range 16 {
			c.send(wish{N: n, Add: 1})
		}
		c.want(`"in r"`)
		for n := range 16 {
			c.want(reply(n, "r", n+1))
		}
	})
}

// What the transport refuses, and what is not JSON, is told and closes.
func TestBadInput(t *testing.T) {
	bubble(t, func(w *world) {
		i := w.instance(nil)
		ctx := context.Background()
		for _, code := range []core.CloseCode{core.CloseBinary, core.CloseTooBig, core.CloseNotJSON} {
			c := w.join(i, "ann", "r")
			if err := c.Violate(ctx, code); err != nil {
				w.Fatal(err)
			}
			c.want(failure("comm", code, code.Reason()))
			c.wantClosed(code, code.Reason())
		}
		c := w.dial(i, nil)
		c.send(core.Message("{"))
		c.want(failure("auth", core.CloseNotJSON, "not JSON"))
		c.wantClosed(core.CloseNotJSON, core.CloseNotJSON.Reason())
		synctest.Wait()
		if m := w.members("r"); m != "" {
			w.Errorf("members: %s", m)
		}
		w.wantReports()
	})
}
