package transporttest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/core"
)

func orderIn(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	var want []string
	for n := range 100 {
		text := fmt.Sprintf("message %d", n)
		send(t, c, text)
		want = append(want, "receive "+text)
	}
	synctest.Wait()
	wantLog(t, i.Session(0), want...)
	c.Abort()
}

func orderOut(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	var texts []string
	go func() {
		conn := i.Session(0).Conn
		for _, n := range []int{1, 16, 0, 3} { // in one Write
			if err := conn.Write(numbered(n)); err != nil {
				t.Errorf("Write of %d: %v", n, err)
			}
		}
	}()
	for _, n := range []int{1, 16, 3} {
		for _, m := range numbered(n) {
			texts = append(texts, string(m))
		}
	}
	for n, want := range texts {
		if got := receive(t, c); got != want {
			t.Fatalf("message %d is %q, want %q", n, got, want)
		}
	}
	c.Abort()
}

func messagesAreOwned(t *testing.T, dial Dial) {
	var kept [][]byte
	i := &Instance{T: t, Received: func(_ *Session, m []byte) { kept = append(kept, m) }}
	c := connect(t, dial, i)
	// Many of like sizes: a pooled buffer would be used again at once.
	text := func(n int) string { return strings.Repeat(fmt.Sprintf("%03d.", n), 1+n%40) }
	for n := range 500 {
		send(t, c, text(n))
	}
	synctest.Wait()
	if len(kept) != 500 {
		t.Fatalf("%d of 500 messages arrived", len(kept))
	}
	for n, m := range kept {
		if string(m) != text(n) {
			t.Fatalf("message %d has become %q", n, m)
		}
	}
	c.Abort()
}

func writeSharesSlices(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		shared := numbered(16)
		if err := i.Session(0).Conn.Write(shared); err != nil {
			t.Errorf("Write: %v", err)
		}
		if !slices.EqualFunc(shared, numbered(16), bytes.Equal) {
			t.Error("Write changed its messages")
		}
		for _, m := range shared { // the next owner may do as it likes
			clear(m)
		}
	}()
	first := receive(t, c)
	synctest.Wait() // a transport that buffers has returned from Write by now
	got := []string{first}
	for range 15 {
		got = append(got, receive(t, c))
	}
	<-returned
	for n, m := range numbered(16) {
		if got[n] != string(m) {
			t.Errorf("message %d is %q, want %q", n, got[n], m)
		}
	}
	c.Abort()
}

func writeDuringAccept(t *testing.T, dial Dial) {
	i := &Instance{T: t, Accepted: func(s *Session) {
		if err := s.Conn.Write(numbered(2)); err != nil {
			t.Errorf("Write: %v", err)
		}
	}}
	c := connect(t, dial, i)
	for _, want := range numbered(2) {
		if got := receive(t, c); got != string(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	c.Abort()
}

func backpressure(t *testing.T, dial Dial) {
	gate := make(chan struct{})
	i := &Instance{T: t, Received: func(*Session, []byte) { <-gate }}
	c := connect(t, dial, i)
	const total = 1000
	sent := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range total {
			if err := c.Send(fmt.Sprintf("%0100d", n)); err != nil {
				t.Errorf("Send: %v", err)
				return
			}
			sent++
		}
	}()
	synctest.Wait()
	if sent == total {
		t.Error("the client could send everything although the session took one message only")
	}
	wantLog(t, i.Session(0), "receive "+fmt.Sprintf("%0100d", 0))
	close(gate)
	<-done
	synctest.Wait()
	if got := len(i.Session(0).Log()); got != total {
		t.Errorf("%d of %d messages arrived", got, total)
	}
	c.Abort()
}

func closedIsLast(t *testing.T, dial Dial) {
	gate := make(chan struct{})
	i := &Instance{T: t, Received: func(*Session, []byte) { <-gate }}
	c := connect(t, dial, i)
	send(t, c, "slow")
	synctest.Wait()
	c.Abort()
	i.Session(0).Conn.Close(core.CloseNormal, "")
	synctest.Wait()
	wantLog(t, i.Session(0), "receive slow")
	close(gate)
	settle()
	if log := i.Session(0).Log(); len(log) != 2 {
		t.Errorf("happened: %q, want Closed after Receive", log)
	}
}
