package pipe_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport/pipe"
)

// bubble runs test in a synctest bubble with a client and its session.
func bubble(t *testing.T, i *conformance.FakeInstance, o *pipe.Options, test func(t *testing.T, c *pipe.Client, s *conformance.FakeSession)) {
	synctest.Test(t, func(t *testing.T) {
		i.T = t
		c, err := pipe.Dial(i, o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Abort()
		test(t, c, i.Session(0))
	})
}

func wantLog(t *testing.T, s *conformance.FakeSession, want ...string) {
	t.Helper()
	if got := s.Log(); !slices.Equal(got, want) {
		t.Fatalf("happened: %q\nwant:     %q", got, want)
	}
}

func TestSendEncodes(t *testing.T) {
	bubble(t, &conformance.FakeInstance{}, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		ctx := t.Context()
		for _, v := range []any{map[string]int{"a": 1}, "text", nil, core.Message(`{"b": 2}`), core.Message("not JSON"), core.Message(nil)} {
			if err := c.Send(ctx, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Send(ctx, func() {}); err == nil || !strings.HasPrefix(err.Error(), "pipe: send: ") {
			t.Errorf("sending a func: %v", err)
		}
		synctest.Wait()
		wantLog(t, s, `receive {"a":1}`, `receive "text"`, "receive null", `receive {"b": 2}`, "receive not JSON", "receive ")
	})
}

func TestSendKeepsNothing(t *testing.T) {
	var got []byte
	i := &conformance.FakeInstance{Received: func(_ *conformance.FakeSession, m []byte) { got = m }}
	bubble(t, i, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		m := core.Message("{}")
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		clear(m)
		synctest.Wait()
		if string(got) != "{}" {
			t.Errorf("the message has become %q", got)
		}
	})
}

func TestContextEndsWaiting(t *testing.T) {
	i := &conformance.FakeInstance{Received: func(*conformance.FakeSession, []byte) { time.Sleep(time.Minute) }}
	bubble(t, i, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Receive: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Send(ctx, 1); err != nil {
			t.Errorf("Send to an idle session: %v", err)
		}
		if err := s.Conn.Write(make([][]byte, 20)); err != nil {
			t.Error(err)
		}
		if err := c.Send(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send to a busy session: %v", err)
		}
		if err := c.Violate(ctx, core.CloseTooBig); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Violate to a busy session: %v", err)
		}
		for range 20 { // a message that is there comes first
			if _, err := c.Receive(ctx); err != nil {
				t.Errorf("Receive of a message with an ended context: %v", err)
			}
		}
		time.Sleep(time.Hour)
		wantLog(t, s, "receive 1") // what gave up was not sent
	})
}

func TestBuffer(t *testing.T) {
	for _, size := range []int{0, 3} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := &pipe.Options{Buffer: size, WriteTimeout: time.Minute}
			bubble(t, &conformance.FakeInstance{}, o, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
				if size == 0 {
					size = 64
				}
				began := time.Now()
				for n := range size {
					if err := s.Conn.Write([][]byte{{'0' + byte(n)}}); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("Write blocked before the buffer was full")
				}
				if err := s.Conn.Write([][]byte{[]byte("lost"), []byte("lost")}); err == nil || time.Since(began) != time.Minute {
					t.Errorf("Write to a full buffer: %v after %v", err, time.Since(began))
				}
				for n := range size {
					if m, err := c.Receive(t.Context()); err != nil || m[0] != '0'+byte(n) {
						t.Fatalf("message %d: %q, %v", n, m, err)
					}
				}
				var end *pipe.CloseError
				if m, err := c.Receive(t.Context()); !errors.As(err, &end) || end.Code != core.CloseLost {
					t.Errorf("received %q, %v", m, err)
				}
				synctest.Wait()
				wantLog(t, s, "closed 1006")
			})
		})
	}
}

func TestDefaultWriteTimeout(t *testing.T) {
	bubble(t, &conformance.FakeInstance{}, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		began := time.Now()
		if err := s.Conn.Write(make([][]byte, 65)); err == nil || time.Since(began) != 10*time.Second {
			t.Errorf("Write to a full buffer: %v after %v", err, time.Since(began))
		}
	})
}

func TestAbortIsNoticedAtOnce(t *testing.T) {
	bubble(t, &conformance.FakeInstance{}, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		c.Abort()
		synctest.Wait() // and no time passes
		wantLog(t, s, "closed 1006")
	})
}

// A Write that has room is not cut by a Close: what it writes comes before the end.
func TestWriteThatIsNotStuckIsWhole(t *testing.T) {
	for range 200 {
		bubble(t, &conformance.FakeInstance{}, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
			written := make(chan error, 1)
			go func() { written <- s.Conn.Write(make([][]byte, 50)) }()
			go s.Conn.Close(core.CloseNormal, "")
			received := 0
			var err error
			for ; err == nil; received++ {
				_, err = c.Receive(t.Context())
			}
			want := 51
			if <-written != nil {
				want = 1 // Close was first
			}
			if received != want {
				t.Fatalf("%d messages before the end, want %d", received-1, want-1)
			}
		})
	}
}

func TestAfterTheEnd(t *testing.T) {
	bubble(t, &conformance.FakeInstance{}, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		for range 2 {
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		c.Abort()
		var end *pipe.CloseError
		if err := c.Send(t.Context(), 1); !errors.As(err, &end) || *end != (pipe.CloseError{Code: core.CloseNormal, Reason: "done"}) {
			t.Errorf("Send: %v", err)
		}
		if err := c.Violate(t.Context(), core.CloseBinary); !errors.As(err, &end) {
			t.Errorf("Violate: %v", err)
		}
		if got := end.Error(); got != "pipe: connection closed: 1000 (done)" {
			t.Errorf("error: %s", got)
		}
		synctest.Wait()
		wantLog(t, s, "closed 1000")
	})
}

func TestManySenders(t *testing.T) {
	bubble(t, &conformance.FakeInstance{}, nil, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				for range 50 {
					if err := c.Send(t.Context(), n); err != nil {
						t.Errorf("Send: %v", err)
					}
				}
			})
		}
		all.Wait() // the fake session says if its calls overlap
		synctest.Wait()
		if got := len(s.Log()); got != 400 {
			t.Errorf("%d of 400 messages arrived", got)
		}
	})
}

func TestDial(t *testing.T) {
	h := core.Handshake{Path: "/p", RemoteAddr: "r", Query: map[string][]string{"q": {"1"}}, Claims: core.Message("1")}
	bubble(t, &conformance.FakeInstance{}, &pipe.Options{Handshake: h}, func(t *testing.T, c *pipe.Client, s *conformance.FakeSession) {
		if !reflect.DeepEqual(s.Handshake, h) {
			t.Errorf("handshake: %+v", s.Handshake)
		}
	})
	refused := errors.New("shutting down")
	if c, err := pipe.Dial(&conformance.FakeInstance{T: t, Refuse: refused}, nil); c != nil || !errors.Is(err, refused) {
		t.Errorf("Dial to one who refuses: %v, %v", c, err)
	}
}
