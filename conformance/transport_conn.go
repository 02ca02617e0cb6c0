package conformance

import (
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// notedConn writes down what the instance does with its connection, and keeps
// the instance's own promise, that Writes don't overlap, also when a transport
// that overlaps its calls makes it answer twice.
type notedConn struct {
	transport.Conn
	b       *bubble
	writing chan struct{} // held by Write; not a mutex: in the bubble time would stand still
}

// Write implements transport.Conn.
func (c *notedConn) Write(messages [][]byte) error {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	what := fmt.Sprintf("%d messages", len(messages))
	if len(messages) == 1 {
		what = brief(messages[0])
	}
	err := c.Conn.Write(messages)
	c.b.note("the instance has written %s%s", what, suffix(err))
	return err
}

// Close implements transport.Conn.
func (c *notedConn) Close(code core.CloseCode, reason string) {
	c.b.note("the instance closes with %d %s", code, brief(reason))
	c.Conn.Close(code, reason)
}

// write writes what the transport has to take.
func (b *bubble) write(s *FakeSession, messages ...[]byte) {
	if err := s.Conn.Write(messages); err != nil {
		b.fail("Write takes its messages", outcome(err))
	}
}

// writeFails writes when the transport must not take it any more.
func (b *bubble) writeFails(s *FakeSession, when string) {
	if err := s.Conn.Write(numbered(1)); err == nil {
		b.fail("Write "+when+" fails", allIsWell)
	}
}

// allIsWell is what happened where an error was due.
const allIsWell = "it answers that all is well"

// stuck writes until the client's not reading makes it block, and returns the
// answer to come.
func (p *peer) stuck() <-chan error {
	answer := make(chan error, 1)
	go func() {
		var err error
		for n := 0; err == nil && n < flood; n += 16 * 1024 {
			err = p.session.Conn.Write(kilobytes(16))
		}
		answer <- err
	}()
	synctest.Wait()
	if len(answer) != 0 {
		if err := <-answer; err != nil {
			p.b.fatal("Write blocks while the client does not read", outcome(err))
		}
		p.b.fatal("Write blocks while the client does not read", fmt.Sprintf("it has taken %d KiB from the instance, and blocks not", flood/1024))
	}
	return answer
}

// soon waits for an answer that must be an error. what is the call.
func (b *bubble) soon(what string, answer <-chan error) {
	select {
	case err := <-answer:
		if err == nil {
			b.fatal(what+" fails", allIsWell)
		}
	case <-time.After(patience):
		b.fatal(what+" fails", fmt.Sprintf("it has not returned in %v", patience))
	}
}

// flood is more than the buffers on the way may hold, in bytes.
const flood = 4 << 20

// kilobytes is n messages of 1 KiB.
func kilobytes(n int) [][]byte {
	return slices.Repeat([][]byte{slices.Repeat([]byte{'k'}, 1024)}, n)
}

// numbered is n different messages.
func numbered(n int) (ms [][]byte) {
	for i := range n {
		ms = append(ms, fmt.Appendf(nil, `{"n":%d,"of":%d}`, i, n))
	}
	return ms
}

// texts are messages as a client sees them.
func texts(messages [][]byte) (list []string) {
	for _, m := range messages {
		list = append(list, string(m))
	}
	return list
}
