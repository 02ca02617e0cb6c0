package transporttest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// connect dials and waits until i has the session, unless its Accept is stuck.
func connect(t testing.TB, dial Dial, i transport.Acceptor) Client {
	t.Helper()
	c, err := dial(t, i)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	synctest.Wait()
	return c
}

func send(t testing.TB, c Client, text string) {
	t.Helper()
	if err := c.Send(text); err != nil {
		t.Fatalf("send %q: %v", text, err)
	}
}

func receive(t testing.TB, c Client) string {
	t.Helper()
	text, err := c.Receive()
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return text
}

func wantEnded(t testing.TB, c Client, code core.CloseCode, reason string) {
	t.Helper()
	text, err := c.Receive()
	var end *Ended
	if !errors.As(err, &end) {
		t.Fatalf("received %q, %v; want the end", text, err)
	}
	if *end != (Ended{code, reason}) {
		t.Fatalf("%v, want %v", end, &Ended{code, reason})
	}
}

func wantLog(t testing.TB, s *Session, want ...string) {
	t.Helper()
	if got := s.Log(); !slices.Equal(got, want) {
		t.Fatalf("happened: %q\nwant:     %q", got, want)
	}
}

// settle lets everything happen that does, also after a transport's patience
// with the peer's goodbye.
func settle() {
	time.Sleep(5 * time.Second) // of the bubble
	synctest.Wait()
}

// writeUntilStuck writes until the client's not reading makes it block, and
// gives the answer of that Write.
func writeUntilStuck(t testing.TB, s *Session) <-chan error {
	t.Helper()
	answer := make(chan error, 1)
	go func() {
		for {
			if err := s.Conn.Write(numbered(16)); err != nil {
				answer <- err
				return
			}
		}
	}()
	synctest.Wait()
	if len(answer) != 0 {
		t.Fatalf("Write did not block: %v", <-answer)
	}
	return answer
}

// numbered is n different messages.
func numbered(n int) [][]byte {
	var ms [][]byte
	for i := range n {
		ms = append(ms, fmt.Appendf(nil, `{"n":%d,"of":%d}`, i, n))
	}
	return ms
}
