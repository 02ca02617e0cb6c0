package gws_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/gws"
)

// noted is an acceptor whose session writes down what comes together: "receive a b".
type noted struct {
	i conformance.FakeInstance
	transport.Session
}

func (n *noted) Accept(c transport.Conn, h core.Handshake) (s transport.Session, err error) {
	n.Session, err = n.i.Accept(c, h)
	return n, err
}

func (n *noted) ReceiveAll(messages [][]byte) { n.Receive(bytes.Join(messages, []byte(" "))) }

func text(s string) []byte { return frame(0x81, []byte(s)) }

// What comes in one piece is handed in together when there is nothing more in it:
// before the transport waits, whatever for.
func TestBurst(t *testing.T) {
	fill := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		comes [][]byte
		want  []string
	}{
		"one":                {[][]byte{text("a")}, []string{"receive a"}},
		"an empty one":       {[][]byte{text("")}, []string{"receive "}},
		"three":              {[][]byte{text("a"), text("b"), text("c")}, []string{"receive a b c"}},
		"half a message":     {[][]byte{text("a"), text("b"), text("half")[:8]}, []string{"receive a b"}},
		"half a header":      {[][]byte{text("a"), text("b"), text("half")[:1]}, []string{"receive a b"}},
		"a fragment":         {[][]byte{text("a"), frame(0x01, []byte("b"))}, []string{"receive a"}},
		"fragments":          {[][]byte{text("a"), frame(0x01, []byte("b")), frame(0x80, []byte("c"))}, []string{"receive a bc"}},
		"a ping between":     {[][]byte{text("a"), frame(0x89, nil), text("b")}, []string{"receive a b"}},
		"a large message":    {[][]byte{text("a"), text(fill(2000))[:1000]}, []string{"receive a"}},
		"a very large one":   {[][]byte{text("a"), text(fill(20_000)), text("b")}, []string{"receive a", "receive " + fill(20_000), "receive b"}},
		"a binary frame":     {[][]byte{text("a"), text("b"), frame(0x82, nil)}, []string{"receive a b", "violated 1003"}},
		"text that is none":  {[][]byte{text("a"), text("b"), text("\xff")}, []string{"receive a b", "violated 1007"}},
		"a close":            {[][]byte{text("a"), text("b"), frame(0x88, []byte{0x0F, 0xA1})}, []string{"receive a b", "closed 4001"}},
		"a broken frame":     {[][]byte{text("a"), text("b"), frame(0xF1, nil)}, []string{"receive a b"}},
		"a frame of no size": {[][]byte{text("a"), {0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}}, []string{"receive a"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &noted{}
				n.i.T = t
				c := open(t, serveMemory(t, gws.Handler(n, nil))(), "", "")
				c.background(test.comes...)
				c.mute = true
				go func() { _, _ = c.Receive() }()
				synctest.Wait() // and no time passes
				s := n.i.Session(0)
				if got := s.Log(); !slices.Equal(got[:min(len(got), len(test.want))], test.want) {
					t.Errorf("happened: %.300q\nwant:     %.300q", got, test.want)
				}
				c.Abort()
				<-s.Done()
			})
		})
	}
}

// What comes after the session has closed is dropped, but for what waited already.
func TestBurstAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &noted{}
		n.i.T, n.i.Received = t, func(s *conformance.FakeSession, _ []byte) { s.Conn.Close(core.CloseNormal, "") }
		c := open(t, serveMemory(t, gws.Handler(n, nil))(), "", "")
		c.background(text("a"), text("b"), text(strings.Repeat("x", 5000)), text("c"))
		wantEnd(t, c, core.CloseNormal, "done")
		synctest.Wait()
		wantLog(t, n.i.Session(0), "receive a b", "closed 1000")
		c.Abort()
	})
}

// counted is an acceptor whose session counts what comes together, and answers it.
type counted struct {
	directEcho
	sizes []int
	last  string
	done  chan struct{} // closed by Closed
}

func (n *counted) Accept(c transport.Conn, _ core.Handshake) (transport.Session, error) {
	n.Conn = c
	return n, nil
}

func (n *counted) ReceiveAll(messages [][]byte) {
	n.sizes = append(n.sizes, len(messages))
	n.last = string(messages[len(messages)-1])
	_ = n.Write(messages) // Closed follows an error
}

func (n *counted) Closed(core.CloseCode, string) { close(n.done) }

// Over each kind of connection, whether it is looked at before it is read from or
// not, all comes once and in order, however it is cut, and as much as is possible
// together: at least the most of it, at most 64.
func TestBurstsOverTheNetwork(t *testing.T) {
	wrapped := func(h http.Handler) net.Conn {
		server := httptest.NewUnstartedServer(h)
		server.Listener = &counting{Listener: server.Listener}
		server.Start()
		t.Cleanup(server.Close)
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	overTLS := func(h http.Handler) net.Conn {
		server := httptest.NewTLSServer(h)
		t.Cleanup(server.Close)
		c, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	plain := func(h http.Handler) net.Conn { return serveTCP(t, h)() }
	for name, dial := range map[string]func(http.Handler) net.Conn{"TCP": plain, "TLS": overTLS, "wrapped TCP": wrapped} {
		for _, size := range []int{0, 3, 50, 120, 506, 512, 2000, 4088, 4096, 10_000} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				n := &counted{done: make(chan struct{})}
				c := open(t, dial(gws.Handler(n, nil)), "", "")
				const bursts, each = 5, 100
				var all int
				for b := range bursts {
					var frames []byte
					for m := range each {
						frames = append(frames, frame(0x81, fmt.Appendf(nil, "%d.%d %s", b, m, strings.Repeat("x", size)))...)
					}
					go func() { _ = c.write(frames) }()
					for m := range each {
						wantReceive(t, c, fmt.Sprintf("%d.%d %s", b, m, strings.Repeat("x", size)))
						all++
					}
				}
				c.Abort()
				<-n.done
				got := 0
				for _, s := range n.sizes {
					got += s
					if s > 64 {
						t.Errorf("%d came together", s)
					}
				}
				if got != all {
					t.Errorf("%d messages came in, want %d", got, all)
				}
				if size <= 50 && len(n.sizes) > all/8 { // a read takes in 60, or 7 at first
					t.Errorf("%d messages came in %d pieces", all, len(n.sizes))
				}
			})
		}
	}
}
