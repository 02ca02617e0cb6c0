package gws_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport/gws"
)

// wantClosedAfter waits until the session is closed and says when that must be.
func wantClosedAfter(t *testing.T, began time.Time, closed <-chan struct{}, want time.Duration) {
	t.Helper()
	<-closed
	if took := time.Since(began); took != want {
		t.Errorf("closed after %v, want %v", took, want)
	}
}

func TestSilentPeerIsLost(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began, closed := time.Now(), s.Done()
		c.mute = true
		go func() { _, _ = c.Receive() }() // it reads, but says nothing
		wantClosedAfter(t, began, closed, 35*time.Second)
		wantLog(t, s, "closed 1006")
		if len(c.hear) != 1 || <-c.hear != "ping " {
			t.Error("it was not asked once")
		}
	})
}

func TestPeerThatDoesNotEvenReadIsLost(t *testing.T) {
	bubble(t, &gws.Options{WriteTimeout: time.Minute}, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began, closed := time.Now(), s.Done()
		wantClosedAfter(t, began, closed, 35*time.Second) // although the ping is stuck
		wantLog(t, s, "closed 1006")
	})
}

func TestDefaultWriteTimeout(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began, closed := time.Now(), s.Done()
		if err := s.Conn.Write([][]byte{nil}); err == nil {
			t.Error("Write answered that all was well")
		}
		wantClosedAfter(t, began, closed, 10*time.Second)
		wantLog(t, s, "closed 1006")
	})
}

// The deadline of a Write may be that of one before it, when that is nearly as far off.
func TestWriteTimeoutAfterAnotherWrite(t *testing.T) {
	for pause, want := range map[time.Duration]time.Duration{
		0:                      10 * time.Second,
		624 * time.Millisecond: 10 * time.Second,
		625 * time.Millisecond: 10*time.Second + 625*time.Millisecond, // a sixteenth
		time.Second:            11 * time.Second,
	} {
		t.Run(pause.String(), func(t *testing.T) {
			bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
				began, closed := time.Now(), s.Done()
				go func() { _, _ = c.Receive() }()
				if err := s.Conn.Write([][]byte{nil}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(pause)
				if err := s.Conn.Write([][]byte{nil}); err == nil {
					t.Error("Write answered that all was well")
				}
				wantClosedAfter(t, began, closed, want)
			})
		})
	}
}

func TestBrokenSocketIsNoticedAtOnce(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		c.Abort()
		synctest.Wait() // and no time passes
		wantLog(t, s, "closed 1006")
	})
}

func TestPeerIsLostAfterAViolation(t *testing.T) {
	patient := &conformance.FakeInstance{} // it doesn't close
	bubble(t, nil, patient, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began, closed := time.Now(), s.Done()
		if err := c.write(frame(0x81, []byte("\xff"))); err != nil {
			t.Fatal(err)
		}
		c.mute = true
		go func() { _, _ = c.Receive() }()
		wantClosedAfter(t, began, closed, 35*time.Second)
		wantLog(t, s, "violated 1007", "closed 1006")
	})
}

func TestAnythingIsASignOfLife(t *testing.T) {
	signs := map[string][]byte{
		"pong to nothing": frame(0x8A, nil),
		"message":         frame(0x81, []byte("{}")),
		"a byte":          nil, // of a message that takes its time
	}
	for name, sign := range signs {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
				slow := frame(0x81, make([]byte, 90))
				go func() { _, _ = c.Receive() }()
				for n := range 20 {
					bytes := sign
					if bytes == nil {
						bytes = slow[n : n+1]
					}
					if err := c.write(bytes); err != nil {
						t.Fatal(err)
					}
					time.Sleep(24 * time.Second)
				}
				if len(c.hear) != 0 {
					t.Errorf("it was pinged: %q", <-c.hear)
				}
				c.Abort()
				synctest.Wait()
			})
		})
	}
}

func TestPongIsEnough(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		go func() { _, _ = c.Receive() }() // answers pings
		time.Sleep(30*time.Minute - 1)
		if got := s.Log(); len(got) != 0 {
			t.Errorf("happened: %q", got)
		}
		if pings := len(c.hear); pings != 71 { // after each 25 s of silence
			t.Errorf("%d pings in half an hour", pings)
		}
		c.Abort()
		synctest.Wait()
	})
}

func TestWaitingForUsIsNotSilence(t *testing.T) {
	slow := &conformance.FakeInstance{Received: func(*conformance.FakeSession, []byte) { time.Sleep(10 * time.Minute) }}
	bubble(t, nil, slow, func(t *testing.T, c *client, s *conformance.FakeSession) {
		if err := c.write(frame(0x81, []byte("slow"))); err != nil {
			t.Fatal(err)
		}
		c.background(frame(0x81, []byte("next")))
		time.Sleep(11 * time.Minute)
		wantLog(t, s, "receive slow", "receive next")
		c.Abort()
		time.Sleep(10 * time.Minute)
	})
}

// A client that floods with pings and doesn't read may not keep the reader for ever.
func TestStuckPong(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began, closed := time.Now(), s.Done()
		c.background(frame(0x89, nil), frame(0x89, nil), frame(0x89, nil))
		wantClosedAfter(t, began, closed, 10*time.Second)
		wantLog(t, s, "closed 1006")
	})
}

func TestPeerThatIgnoresTheGoodbye(t *testing.T) {
	for name, reads := range map[string]bool{"reads": true, "does not read": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
				began, closed := time.Now(), s.Done()
				c.mute = true
				if reads {
					go func() { _, _ = c.Receive() }()
				}
				s.Conn.Close(core.CloseComeBack, "")
				wantClosedAfter(t, began, closed, time.Second)
				wantLog(t, s, "closed 1012")
			})
		})
	}
}

// Half a frame may be on its way then, so there is no goodbye to wait for.
func TestWriteThatFailsDuringAClose(t *testing.T) {
	o := &gws.Options{WriteTimeout: time.Second, CloseWait: time.Minute}
	bubble(t, o, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began := time.Now()
		go func() {
			if err := s.Conn.Write([][]byte{nil}); err == nil {
				t.Error("Write answered that all was well")
			}
		}()
		synctest.Wait()
		s.Conn.Close(4001, "")
		wantClosedAfter(t, began, s.Done(), time.Second)
		wantLog(t, s, "closed 4001")
	})
}

// crypto/tls says goodbye before it closes, for up to 5 s if the peer does not read.
func TestLostTLSPeerIsNotWaitedFor(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	config := server.TLS.Clone() // for its certificate
	server.Close()
	synctest.Test(t, func(t *testing.T) {
		i := &conformance.FakeInstance{T: t}
		there := serveMemory(t, gws.Handler(i, nil), func(l net.Listener) net.Listener { return tls.NewListener(l, config) })()
		c := open(t, tls.Client(there, &tls.Config{InsecureSkipVerify: true}), "", "")
		synctest.Wait()
		began := time.Now()
		if first, _, err := c.next(); first != 0x89 || err != nil { // the ping, and then nothing is read
			t.Fatalf("read %#x, %v; want a ping", first, err)
		}
		wantClosedAfter(t, began, i.Session(0).Done(), 35*time.Second)
	})
}

func TestPeerThatAnswersTheGoodbye(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		began, closed := time.Now(), s.Done()
		s.Conn.Close(4001, "")
		c.background(frame(0x81, []byte("dropped")))
		wantEnd(t, c, 4001, "")
		wantClosedAfter(t, began, closed, 0)
		wantLog(t, s, "closed 4001")
	})
}

func TestNothingFollowsTheGoodbye(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		s.Conn.Close(4001, "")
		c.mute = true
		wantEnd(t, c, 4001, "")
		c.background(frame(0x89, nil))
		if first, _, err := c.next(); err == nil {
			t.Errorf("read %#x", first)
		}
	})
}

func TestPeersGoodbyeIsAnswered(t *testing.T) {
	cases := map[string]struct {
		payload string
		echo    core.CloseCode
		log     string
	}{
		"no code":          {"", 0, "closed 1000"},
		"normal":           {"\x03\xe8", 1000, "closed 1000"},
		"going away":       {"\x03\xe9", 1001, "closed 1001"},
		"its own complain": {"\x03\xea", 1002, "closed 1002"},
		"code and reason":  {"\x0f\xa1bye", 4001, "closed 4001 bye"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
				c.mute = true
				c.background(frame(0x88, []byte(test.payload)))
				wantEnd(t, c, test.echo, "")
				if first, _, err := c.next(); err != io.EOF { // the socket is closed, too
					t.Errorf("then %#x, %v; want EOF", first, err)
				}
				synctest.Wait()
				wantLog(t, s, test.log)
			})
		})
	}
}

func TestCloseLostSaysNothing(t *testing.T) {
	bubble(t, nil, nil, func(t *testing.T, c *client, s *conformance.FakeSession) {
		s.Conn.Close(core.CloseLost, "")
		if text, err := c.Receive(); err == nil || c.end == nil {
			t.Errorf("received %q", text)
		} else if _, ok := c.end.(*conformance.Ended); ok {
			t.Errorf("a close frame: %v", c.end)
		}
		synctest.Wait()
		wantLog(t, s, "closed 1006")
	})
}
