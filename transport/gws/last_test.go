package gws_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/gws"
)

// noted is an acceptor whose session writes down which messages were the last.
type noted struct {
	i conformance.FakeInstance
	transport.Session
}

func (n *noted) Accept(c transport.Conn, h core.Handshake) (s transport.Session, err error) {
	n.Session, err = n.i.Accept(c, h)
	return n, err
}

func (n *noted) ReceiveLast(message []byte) { n.Receive(append([]byte("last "), message...)) }

// What comes in one piece is handed in but for its last message, and that when
// there is nothing more in it: before the transport waits, whatever for.
func TestLast(t *testing.T) {
	text := func(s string) []byte { return frame(0x81, []byte(s)) }
	for name, test := range map[string]struct {
		comes [][]byte
		want  []string
	}{
		"one":                {[][]byte{text("a")}, []string{"receive last a"}},
		"an empty one":       {[][]byte{text("")}, []string{"receive last "}},
		"three":              {[][]byte{text("a"), text("b"), text("c")}, []string{"receive a", "receive b", "receive last c"}},
		"half a message":     {[][]byte{text("a"), text("b"), text("half")[:8]}, []string{"receive a", "receive last b"}},
		"a fragment":         {[][]byte{text("a"), frame(0x01, []byte("b"))}, []string{"receive last a"}},
		"a large message":    {[][]byte{text("a"), text(string(make([]byte, 2000)))[:1000]}, []string{"receive last a"}},
		"a binary frame":     {[][]byte{text("a"), frame(0x82, nil)}, []string{"receive last a", "violated 1003"}},
		"text that is none":  {[][]byte{text("a"), text("\xff")}, []string{"receive last a", "violated 1007"}},
		"a close":            {[][]byte{text("a"), frame(0x88, []byte{0x0F, 0xA1})}, []string{"receive last a", "closed 4001"}},
		"a broken frame":     {[][]byte{text("a"), frame(0xF1, nil)}, []string{"receive last a"}},
		"a frame of no size": {[][]byte{text("a"), {0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}}, []string{"receive last a"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &noted{}
				n.i.T = t
				c := open(t, serveMemory(t, gws.Handler(n, nil))(), "", "")
				if err := c.write(slices.Concat(test.comes...)); err != nil {
					t.Fatal(err)
				}
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
func TestLastAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &noted{}
		n.i.T, n.i.Received = t, func(s *conformance.FakeSession, _ []byte) { s.Conn.Close(core.CloseNormal, "") }
		c := open(t, serveMemory(t, gws.Handler(n, nil))(), "", "")
		c.background(frame(0x81, []byte("a")), frame(0x81, []byte("b")), frame(0x81, []byte("c")))
		wantEnd(t, c, core.CloseNormal, "done")
		synctest.Wait()
		wantLog(t, n.i.Session(0), "receive a", "receive last b", "closed 1000")
		c.Abort()
	})
}
