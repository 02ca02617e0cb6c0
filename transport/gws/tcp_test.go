package gws_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/gws"
)

// networks are the real ones: what the kernel does with pending bytes and half
// closed sockets can't be seen in memory.
var networks = map[string]func(t testing.TB, i transport.Acceptor, o *gws.Options) net.Conn{
	"TCP": func(t testing.TB, i transport.Acceptor, o *gws.Options) net.Conn {
		return serveTCP(t, gws.Handler(i, o))()
	},
	"TLS": func(t testing.TB, i transport.Acceptor, o *gws.Options) net.Conn {
		server := httptest.NewTLSServer(gws.Handler(i, o))
		t.Cleanup(server.Close)
		c, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	},
}

// flood is more than the buffers on the way can hold: it is still being sent when
// the server has long decided.
var flood = bytes.Repeat(frame(0x81, make([]byte, 10_000)), 1200)

// Closing a TCP socket with unread input makes the kernel send a reset, which
// destroys what the peer has not read yet: the failure and the close frame.
func TestLastWordsArriveWhileTheClientSends(t *testing.T) {
	cases := map[string]struct {
		bad    []byte
		code   core.CloseCode
		reason string
	}{
		"too big":        {frame(0x81, make([]byte, 1<<20)), core.CloseTooBig, "too big"},
		"not UTF-8":      {frame(0x81, []byte("\xff")), core.CloseNotJSON, "not JSON"},
		"binary":         {frame(0x82, nil), core.CloseBinary, "text messages only"},
		"protocol error": {frame(0xF1, nil), 1002, "protocol error"},
	}
	for network, dial := range networks {
		for name, test := range cases {
			t.Run(network+"/"+name, func(t *testing.T) {
				i := &conformance.FakeInstance{T: t, Violated: fail}
				c := open(t, dial(t, i, &gws.Options{CloseWait: time.Hour}), "", "")
				if err := c.write(test.bad); err != nil {
					t.Fatal(err)
				}
				if err := c.write(flood); err != nil {
					t.Fatalf("while sending: %v", err)
				}
				if test.code != 1002 {
					wantReceive(t, c, "failure")
				}
				wantEnd(t, c, test.code, test.reason)
				if n, err := c.r.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("then %d bytes, %v; want EOF", n, err)
				}
				c.Abort()
				<-i.Session(0).Done()
			})
		}
	}
}

// The same for a close that crosses with what the client sends.
func TestCloseArrivesWhileTheClientSends(t *testing.T) {
	for network, dial := range networks {
		t.Run(network, func(t *testing.T) {
			i := &conformance.FakeInstance{T: t, Received: func(s *conformance.FakeSession, _ []byte) {
				s.Conn.Close(4001, "bye")
			}}
			c := open(t, dial(t, i, &gws.Options{CloseWait: time.Hour}), "", "")
			if err := c.write(flood); err != nil {
				t.Fatalf("while sending: %v", err)
			}
			wantEnd(t, c, 4001, "bye")
			<-i.Session(0).Done() // the client's answer was read: no waiting for a minute
		})
	}
}

func TestCloseCutsAStuckWriteOfTheNetwork(t *testing.T) {
	for network, dial := range networks {
		t.Run(network, func(t *testing.T) {
			i := &conformance.FakeInstance{T: t}
			open(t, dial(t, i, &gws.Options{WriteTimeout: time.Hour, CloseWait: time.Millisecond}), "", "")
			s := i.Session(0)
			answer := make(chan error)
			go func() { // far more than the network takes from a client that does not read
				answer <- s.Conn.Write([][]byte{make([]byte, 64<<20)})
			}()
			s.Conn.Close(core.ClosePolicy, "too slow")
			if err := <-answer; err == nil {
				t.Error("the Write answered that all was well")
			}
			<-s.Done()
			wantLog(t, s, "closed 1008 too slow")
		})
	}
}

func TestClientsCloseOverTheNetwork(t *testing.T) {
	for network, dial := range networks {
		t.Run(network, func(t *testing.T) {
			i := &conformance.FakeInstance{T: t}
			c := open(t, dial(t, i, &gws.Options{CloseWait: time.Hour}), "", "")
			c.mute = true
			c.Close(4001, "bye")
			wantEnd(t, c, 4001, "")
			// The server closes at once, without waiting for the client to do so.
			if n, err := c.r.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("then %d bytes, %v; want EOF", n, err)
			}
			<-i.Session(0).Done()
			wantLog(t, i.Session(0), "closed 4001 bye")
		})
	}
}

// counting counts what would be system calls.
type counting struct {
	net.Listener
	reads, writes atomic.Int64
	bounded       atomic.Bool // a write deadline is set
	deadlines     atomic.Int64
}

type countedConn struct {
	net.Conn
	l *counting
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countedConn{c, l}, nil
}

func (c countedConn) Read(p []byte) (int, error)  { c.l.reads.Add(1); return c.Conn.Read(p) }
func (c countedConn) Write(p []byte) (int, error) { c.l.writes.Add(1); return c.Conn.Write(p) }

func (c countedConn) SetWriteDeadline(t time.Time) error {
	c.l.bounded.Store(!t.IsZero())
	c.l.deadlines.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

func TestWriteIsOneSystemCall(t *testing.T) {
	i := &conformance.FakeInstance{T: t}
	server := httptest.NewUnstartedServer(gws.Handler(i, nil))
	l := &counting{Listener: server.Listener}
	server.Listener = l
	server.Start()
	defer server.Close()
	netConn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, netConn, "", "")
	defer c.Abort()
	began, before := time.Now(), l.deadlines.Load()
	defer func() {
		if got, most := l.deadlines.Load()-before, 2+int64(time.Since(began)/(600*time.Millisecond)); got > most {
			t.Errorf("the write deadline was set %d times, %d would do", got, most)
		}
	}()
	for name, test := range map[string]struct {
		count, size int
		want        int64
	}{
		"none":               {0, 0, 0},
		"one":                {1, 100, 1},
		"sixteen":            {16, 100, 1},
		"sixteen kilobytes":  {16, 1000, 1},
		"all that fits":      {1, 16<<10 - 4, 1},
		"a byte more":        {1, 16<<10 - 3, 2},
		"one of 64 KiB":      {1, 64 << 10, 5},
		"a thousand small":   {1000, 10, 1},
		"more than one call": {1000, 30, 2},
	} {
		t.Run(name, func(t *testing.T) {
			before := l.writes.Load()
			messages := make([][]byte, test.count)
			for n := range messages {
				messages[n] = make([]byte, test.size)
			}
			if err := i.Session(0).Conn.Write(messages); err != nil {
				t.Fatal(err)
			}
			if got := l.writes.Load() - before; got != test.want {
				t.Errorf("%d system calls, want %d", got, test.want)
			}
			for range messages {
				if got, err := c.Receive(); err != nil || len(got) != test.size {
					t.Fatalf("received %d bytes, %v", len(got), err)
				}
			}
		})
	}
}

// crypto/tls answers a change of keys by itself. A deadline that is over would
// make that fail, and all later writes with it.
func TestNoDeadlineIsLeftOnTLS(t *testing.T) {
	i := &conformance.FakeInstance{T: t}
	server := httptest.NewUnstartedServer(gws.Handler(i, nil))
	l := &counting{Listener: server.Listener}
	server.Listener = l
	server.StartTLS()
	defer server.Close()
	netConn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, netConn, "", "")
	defer c.Abort()
	if err := i.Session(0).Conn.Write([][]byte{[]byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if l.bounded.Load() {
		t.Error("the write deadline outlives the Write")
	}
}

func TestWriteErrorIsWrapped(t *testing.T) {
	i := &conformance.FakeInstance{T: t}
	c := open(t, serveTCP(t, gws.Handler(i, nil))(), "", "")
	c.Abort()
	s := i.Session(0)
	<-s.Done()
	if err := s.Conn.Write([][]byte{nil}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error: %v", err)
	}
}
