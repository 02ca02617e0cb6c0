package gws_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport/gws"
)

// bubble runs test in a synctest bubble with a client and its session. i nil is an
// instance whose answer to a violation is a failure and a close.
func bubble(t *testing.T, o *gws.Options, i *conformance.FakeInstance, test func(t *testing.T, c *client, s *conformance.FakeSession)) {
	synctest.Test(t, func(t *testing.T) {
		if i == nil {
			i = &conformance.FakeInstance{Violated: fail}
		}
		i.T = t
		options := gws.Options{}
		if o != nil {
			options = *o
		}
		options.Logger = slog.New(slog.DiscardHandler)
		c := open(t, serveMemory(t, gws.Handler(i, &options))(), "", "")
		synctest.Wait()
		test(t, c, i.Session(0))
	})
}

// fail answers a violation as an instance does.
func fail(s *conformance.FakeSession, code core.CloseCode) {
	go func() {
		_ = s.Conn.Write([][]byte{[]byte("failure")}) // whether it arrives is seen by the client
		s.Conn.Close(code, "")
	}()
}

// background sends while the test reads: nothing is buffered on the way.
func (c *client) background(frames ...[]byte) {
	go func() { _ = c.write(slices.Concat(frames...)) }()
}

func wantReceive(t testing.TB, c *client, want string) {
	t.Helper()
	if got, err := c.Receive(); got != want || err != nil {
		t.Fatalf("received %q, %v; want %q", got, err, want)
	}
}

func wantEnd(t testing.TB, c *client, code core.CloseCode, reason string) {
	t.Helper()
	text, err := c.Receive()
	if end, ok := err.(*conformance.Ended); !ok || *end != (conformance.Ended{Code: code, Reason: reason}) {
		t.Fatalf("received %q, %v; want the close %d %s", text, err, code, reason)
	}
}

func wantLog(t testing.TB, s *conformance.FakeSession, want ...string) {
	t.Helper()
	if got := s.Log(); !slices.Equal(got, want) {
		t.Fatalf("happened: %.300q\nwant:     %.300q", got, want)
	}
}

func TestViolations(t *testing.T) {
	const limit = 1000
	cases := map[string]struct {
		frames []byte
		code   core.CloseCode
		reason string
	}{
		"binary":          {frame(0x82, []byte("{}")), core.CloseBinary, "text messages only"},
		"too big":         {frame(0x81, make([]byte, limit+1)), core.CloseTooBig, "too big"},
		"too big in all":  {slices.Concat(frame(0x01, make([]byte, limit)), frame(0x80, []byte("."))), core.CloseTooBig, "too big"},
		"far too big":     {header(0x81, 0x80, math.MaxInt), core.CloseTooBig, "too big"},
		"not UTF-8":       {frame(0x81, []byte("\xff{}")), core.CloseNotJSON, "not JSON"},
		"half a rune":     {frame(0x81, []byte("é")[:1]), core.CloseNotJSON, "not JSON"},
		"not UTF-8 later": {slices.Concat(frame(0x01, []byte("{}")), frame(0x80, []byte("\xff"))), core.CloseNotJSON, "not JSON"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, &gws.Options{MaxMessage: limit}, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
				c.background(frame(0x81, []byte("good")), test.frames, frame(0x81, []byte("dropped")), frame(0x81, make([]byte, limit+1)))
				wantReceive(t, c, "failure")
				wantEnd(t, c, test.code, test.reason)
				c.Abort()
				synctest.Wait()
				wantLog(t, s, "receive good", fmt.Sprintf("violated %d", test.code), fmt.Sprintf("closed %d", test.code))
			})
		})
	}
}

func TestProtocolErrors(t *testing.T) {
	negative := binary.BigEndian.AppendUint64([]byte{0x81, 0xFF}, 1<<63)
	cases := map[string][]byte{
		"no mask":                       append(header(0x81, 0, 2), "{}"...),
		"reserved bit":                  frame(0xC1, []byte("{}")),
		"reserved opcode":               frame(0x83, []byte("{}")),
		"reserved control opcode":       frame(0x8B, nil),
		"fragmented ping":               frame(0x09, nil),
		"long ping":                     frame(0x89, make([]byte, 126)),
		"continuation of nothing":       frame(0x80, []byte("{}")),
		"message inside a message":      slices.Concat(frame(0x01, []byte("{")), frame(0x81, []byte("{}"))),
		"length with the top bit":       append(negative, maskKey...),
		"length with all bits":          append([]byte{0x81, 0xFF, 255, 255, 255, 255, 255, 255, 255, 255}, maskKey...),
		"close with half a code":        frame(0x88, []byte{3}),
		"close with a reserved code":    frame(0x88, []byte{1005 >> 8, 1005 & 0xFF}),
		"close with a reason not UTF-8": frame(0x88, []byte{1000 >> 8, 1000 & 0xFF, 0xFF}),
	}
	for name, bad := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
				c.background(frame(0x81, []byte("good")), bad, frame(0x81, []byte("dropped")))
				wantEnd(t, c, 1002, "protocol error")
				c.Abort()
				synctest.Wait()
				wantLog(t, s, "receive good", "closed 1006")
			})
		})
	}
}

func TestFragments(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		c.background(
			frame(0x01, []byte("one ")), frame(0x89, []byte("p")), frame(0x00, nil), frame(0x80, []byte("two")),
			frame(0x01, []byte("é")[:1]), frame(0x80, []byte("é")[1:]), // a rune may be split
			frame(0x81, nil))
		c.mute = true // it says nothing by itself: what follows is for the pong alone
		go func() { _, _ = c.Receive() }()
		if got := <-c.hear; got != "pong p" {
			t.Errorf("heard %q, want the pong", got)
		}
		synctest.Wait()
		wantLog(t, s, "receive one two", "receive é", "receive ")
		c.Abort()
	})
}

func TestLargestMessage(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		text := strings.Repeat("é", 32<<10) // the default limit: 64 KiB
		if err := c.Send(text); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantLog(t, s, "receive "+text)
		c.Abort()
	})
}

func TestWriteSizes(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		var writes [][][]byte
		add := func(sizes ...int) {
			var messages [][]byte
			for _, n := range sizes {
				messages = append(messages, bytes.Repeat([]byte{'a' + byte(n%26)}, n))
			}
			writes = append(writes, messages)
		}
		add(0, 1, 125, 126, 65535, 65536, 200_000) // around the sizes of a header
		const batch = 16 << 10
		for n := batch - 20; n <= batch; n++ { // around what leaves in one call
			add(n, 200)
			add(n, 70_000)
		}
		go func() {
			for _, messages := range writes {
				if err := s.Conn.Write(messages); err != nil {
					t.Errorf("Write: %v", err)
				}
			}
		}()
		for n, want := range slices.Concat(writes...) {
			if got, err := c.Receive(); err != nil || got != string(want) {
				t.Fatalf("message %d: %d bytes, %v; want %d", n, len(got), err, len(want))
			}
		}
		c.Abort()
	})
}

func TestCloseReasonFits(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		s.Conn.Close(4001, "\xff."+strings.Repeat("é", 100))
		wantEnd(t, c, 4001, "\uFFFD."+strings.Repeat("é", 59))
	})
}

func TestSentBehindTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &conformance.FakeInstance{T: t}
		early := strings.Repeat("early ", 200) // more than the read buffer
		c := open(t, serveMemory(t, gws.Handler(i, nil))(), "", string(slices.Concat(frame(0x81, []byte(early)), frame(0x81, nil)[:3])))
		if err := c.write(frame(0x81, nil)[3:]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantLog(t, i.Session(0), "receive "+early, "receive ")
		c.Abort()
	})
}

// Whatever a client sends, it gets a proper end, and nobody else is harmed.
func FuzzFrames(f *testing.F) {
	f.Add(slices.Concat(frame(0x81, []byte("{}")), frame(0x89, nil), frame(0x88, nil)))
	f.Add(slices.Concat(frame(0x01, []byte("{")), frame(0x80, []byte("}")), frame(0x82, nil), frame(0x81, []byte("\xff"))))
	f.Add(header(0x81, 0x80, -1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sent []byte) {
		bubble(t, &gws.Options{MaxMessage: 1000}, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
			c.mute = true
			c.hear = make(chan string, len(sent))
			c.background(sent)
			go func() {
				synctest.Wait() // for the client: all was taken
				c.background(frame(0x88, []byte("\x03\xe8")))
			}()
			for {
				if _, err := c.Receive(); err != nil {
					break
				}
			}
			<-s.Done()
			log := s.Log()
			for n, entry := range log {
				if last := n == len(log)-1; strings.HasPrefix(entry, "closed") != last || strings.HasPrefix(entry, "violated") && n != len(log)-2 {
					t.Errorf("happened: %q", log)
				}
			}
		})
	})
}
