package redistest

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestProxyPassesEverything(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	p := NewProxy(t, s.Addr())
	c := dial(t, p.Addr())

	big := strings.Repeat("\r\n$5*", 1<<20)
	c.send("SET", "big", big)
	c.expect(t, "OK")
	c.send("GET", "big")
	c.expect(t, big)

	const many = 20_000
	sent := make(chan error)
	go func() {
		var all []byte
		for range many {
			all = append(all, encode([]string{"INCR", "n"})...)
		}
		_, err := c.Write(all)
		sent <- err
	}()
	for i := range many {
		c.expect(t, int64(i+1))
	}
	do(t, <-sent)

	for _, protocol := range []string{"2", "3"} {
		sub := dial(t, p.Addr())
		sub.send("HELLO", protocol)
		must[value](t)(sub.next())
		sub.send("SUBSCRIBE", "x", "y")
		sub.expect(t, []any{"subscribe", "x", int64(1)})
		sub.expect(t, []any{"subscribe", "y", int64(2)})
		c.send("PUBLISH", "y", big)
		c.expect(t, int64(1))
		sub.expect(t, []any{"message", "y", big})
		sub.send("UNSUBSCRIBE")
		must[value](t)(sub.next())
		must[value](t)(sub.next())
	}
	if _, err := io.WriteString(c, "PING\r\n\r\nPING\r\n"); err != nil { // as one types it
		t.Fatal(err)
	}
	c.expect(t, "PONG")
	c.expect(t, "PONG")

	stats := p.Stats()
	if stats.Connections != 3 || stats.Commands["INCR"] != many || stats.Commands["PING"] != 2 || stats.Lost != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestProxyClosesWhenEitherSideDoes(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	p := NewProxy(t, s.Addr())
	c := dial(t, p.Addr())
	c.send("CLIENT", "ID")
	id := must[value](t)(c.next()).number
	do(t, c.Close())
	do(t, until(func() error {
		list, err := s.Command("CLIENT", "LIST", "ID", fmt.Sprint(id))
		if err == nil && list != "" {
			err = fmt.Errorf("the server still has %v", list)
		}
		return err
	}))

	c = dial(t, p.Addr())
	c.send("PING")
	c.expect(t, "PONG")
	do(t, s.Kill())
	c.gone(t)
	dial(t, p.Addr()).gone(t)
	do(t, s.Restart(true))
	c = dial(t, p.Addr())
	c.send("PING")
	c.expect(t, "PONG")
}

func TestCut(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	p, other := NewProxy(t, s.Addr()), NewProxy(t, s.Addr())
	c, spared := dial(t, p.Addr()), dial(t, other.Addr())
	for range 3 {
		c.send("PING")
		c.expect(t, "PONG")
		idle := dial(t, p.Addr())
		p.Cut()
		c.gone(t)
		idle.gone(t)
		c = dial(t, p.Addr())
	}
	c.send("PING")
	c.expect(t, "PONG")
	spared.send("PING")
	spared.expect(t, "PONG")
	if n := p.Stats().Connections; n != 7 {
		t.Errorf("%d connections accepted; want 7", n)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, Start(t, nil).Addr())
	c := dial(t, p.Addr())
	c.send("PING")
	c.expect(t, "PONG")

	first, second := p.Hold(), p.Hold()
	c.gone(t)
	refused := func() {
		t.Helper()
		if _, err := net.Dial("tcp", p.Addr()); err == nil {
			t.Fatal("a connection in spite of Hold")
		}
	}
	refused()
	first()
	first()
	p.Cut()
	refused()
	second()
	c = dial(t, p.Addr())
	c.send("PING")
	c.expect(t, "PONG")
}

func TestBlackHole(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	p := NewProxy(t, s.Addr())
	c, sub := dial(t, p.Addr()), dial(t, p.Addr())
	sub.send("SUBSCRIBE", "x")
	sub.expect(t, []any{"subscribe", "x", int64(1)})
	c.send("INCR", "n")
	c.expect(t, int64(1))

	first, second := p.BlackHole(), p.BlackHole()
	want(t, s, int64(1), "PUBLISH", "x", "lost") // the server knows nothing
	if _, err := c.Write(encode([]string{"INCR", "n"})); err != nil {
		t.Errorf("what goes into a black hole: %v", err)
	}
	during := dial(t, p.Addr())
	during.send("INCR", "n")
	dead := []*conn{c, sub, during}
	all := func() {
		t.Helper()
		for _, c := range dead {
			c.silent(t)
		}
	}
	all()
	first()
	first()
	late := dial(t, p.Addr())
	late.send("INCR", "n")
	late.silent(t)

	last := dial(t, p.Addr())
	second()
	last.send("INCR", "n")
	after := dial(t, p.Addr())
	after.send("INCR", "n")
	after.expect(t, int64(2)) // the others never came
	dead = append(dead, late, last)
	all()
	p.Cut()
	after.gone(t)
	do(t, s.Restart(true))
	all()
	after = dial(t, p.Addr())
	after.send("INCR", "n")
	after.expect(t, int64(3))
}

// All faults at once, with clients that send, receive, come and go; and the end of
// the test in the middle of it. Nothing of the proxy is left then.
func TestFaultsDuringTraffic(t *testing.T) {
	var clients sync.WaitGroup
	t.Run("", func(t *testing.T) {
		s := Start(t, nil)
		p := NewProxy(t, s.Addr())
		stop := make(chan struct{})
		t.Cleanup(clients.Wait)           // then these have ended
		t.Cleanup(func() { close(stop) }) // which these were told
		t.Cleanup(p.Close)                // while the proxy ends
		for range 8 {
			clients.Go(func() { hammer(p, stop) })
		}
		busy := func() bool { return p.Stats().Lost >= 5 && p.Stats().Commands["EVAL"] >= 1000 }
		for i := 0; i < 60 || !busy(); i++ {
			switch i % 6 {
			case 0:
				p.Cut()
			case 1:
				p.LoseReply(nil)
			case 2:
				p.Hold()()
			case 3:
				p.BlackHole()()
			case 4:
				do(t, s.Pause())
				p.Cut()
				p.BlackHole()()
				do(t, s.Resume())
			}
			c := dial(t, p.Addr())
			c.send("PING")
			c.expect(t, "PONG")
		}
	})
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		// A link of another test is not ours; parallel tests have not begun yet.
		if strings.Contains(stack, "redistest.(*link)") || strings.Contains(stack, "redistest.(*Proxy).accept") {
			t.Errorf("left behind:\n%s", stack)
		}
	}
}

// hammer is a client that connects again whenever it can, until it is told to stop.
func hammer(p *Proxy, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			continue
		}
		client := &conn{c, newReader(c)}
		for range 50 {
			client.send("EVAL", increment, "1", "n")
			client.send("GET", "n")
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // it may be dead
			if _, err = client.next(); err == nil {
				_, err = client.next()
			}
			if err != nil {
				break
			}
		}
		_ = c.Close()
	}
}
