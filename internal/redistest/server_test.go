package redistest

import (
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// must ends the test on an error of a call with an answer.
func must[T any](t testing.TB) func(answer T, err error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

// do ends the test on an error.
func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want compares the answer of a command.
func want(t testing.TB, s *Server, answer any, command ...string) {
	t.Helper()
	if got := must[any](t)(s.Command(command...)); !reflect.DeepEqual(got, answer) {
		t.Fatalf("%s: %#v; want %#v", strings.Join(command, " "), got, answer)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	s := Start(t, &Options{Args: []string{"--maxmemory-policy", "allkeys-lru"}})
	want(t, s, "OK", "SET", "a", "1\r\n\x00")
	want(t, s, "1\r\n\x00", "GET", "a")
	want(t, s, "", "GETRANGE", "none", "0", "1")
	want(t, s, int64(2), "INCRBY", "n", "2")
	want(t, s, nil, "GET", "none")
	want(t, s, nil, "BLPOP", "none", "0.1") // less is for ever before Redis 7
	want(t, s, []any{"2", nil, "1\r\n\x00"}, "MGET", "n", "none", "a")
	want(t, s, []any{}, "KEYS", "z*")
	want(t, s, []any{"maxmemory-policy", "allkeys-lru"}, "CONFIG", "GET", "maxmemory-policy")
	want(t, s, []any{int64(1), []any{"x"}}, "EVAL", "return {1, {'x'}}", "0")
	_, err := s.Command("INCR", "a")
	if err == nil || !strings.HasPrefix(err.Error(), "redistest: INCR at "+s.Addr()+": ERR value is not an integer") {
		t.Errorf("INCR of a text: %v", err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	addr := s.Addr()
	for i := range 100 {
		want(t, s, int64(1), "HSET", "a", fmt.Sprint(i), "x")
	}
	do(t, s.Restart(true))
	want(t, s, int64(100), "HLEN", "a")

	do(t, s.Kill())
	do(t, s.Kill()) // nothing more
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("a killed server accepts a connection")
	}
	if err := s.Pause(); err == nil {
		t.Error("a killed server is paused")
	}
	do(t, s.Restart(true))
	want(t, s, int64(100), "HLEN", "a")

	do(t, s.Restart(false))
	want(t, s, int64(0), "DBSIZE")
	if s.Addr() != addr {
		t.Errorf("it has moved from %s to %s", addr, s.Addr())
	}
}

// SIGKILL may hit while commands are on their way: what was acknowledged stays.
func TestRestartKeepsAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	for range 5 {
		c := dial(t, s.Addr())
		var acknowledged int64
		counted := make(chan struct{})
		go func() {
			defer close(counted)
			for {
				v, err := c.ask("INCR", "n")
				if err != nil {
					return
				}
				acknowledged = v.number
				if acknowledged%100 == 0 {
					select {
					case counted <- struct{}{}:
					default:
					}
				}
			}
		}()
		<-counted
		do(t, s.Restart(true))
		for range counted { // until it is closed
		}
		n := must[any](t)(s.Command("INCRBY", "n", "0")).(int64)
		if n < acknowledged || n > acknowledged+1 {
			t.Errorf("%d after the restart; %d were acknowledged", n, acknowledged)
		}
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	want(t, s, "OK", "SET", "a", "1")
	first := must[func() error](t)(s.Snapshot())
	want(t, s, "OK", "SET", "a", "2")
	second := must[func() error](t)(s.Snapshot())
	want(t, s, "OK", "SET", "a", "3")
	do(t, second())
	want(t, s, "2", "GET", "a")
	do(t, first())
	want(t, s, "1", "GET", "a")
	want(t, s, "OK", "SET", "a", "4")
	do(t, s.Restart(true))
	want(t, s, "4", "GET", "a")
	do(t, s.Restart(false))
	do(t, second())
	want(t, s, "2", "GET", "a")
}

func TestPause(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	c := dial(t, s.Addr())
	do(t, s.Pause())
	c.send("SET", "a", "1")
	c.silent(t)
	fresh := dial(t, s.Addr()) // the system accepts it
	fresh.send("GET", "a")
	fresh.silent(t)
	do(t, s.Resume())
	c.expect(t, "OK")
	fresh.expect(t, "1")

	do(t, s.Pause())
	do(t, s.Restart(true))
	want(t, s, "1", "GET", "a")
}

// conn is a client without any cleverness.
type conn struct {
	net.Conn
	r *reader
}

func dial(t testing.TB, addr string) *conn {
	t.Helper()
	c := must[net.Conn](t)(net.Dial("tcp", addr))
	t.Cleanup(func() { _ = c.Close() })
	return &conn{c, newReader(c)}
}

// send sends a command; whoever expects the answer sees whether it could.
func (c *conn) send(command ...string) { _, _ = c.Write(encode(command)) }

// ask waits for the answer.
func (c *conn) ask(command ...string) (value, error) {
	c.send(command...)
	return c.next()
}

func (c *conn) next() (value, error) {
	c.r.raw = c.r.raw[:0]
	return c.r.reply()
}

// expect wants this answer, or beginning of an error.
func (c *conn) expect(t testing.TB, answer any) {
	t.Helper()
	do(t, c.SetReadDeadline(time.Now().Add(patience)))
	v := must[value](t)(c.next())
	if text, is := answer.(string); is && v.isError() && strings.HasPrefix(v.text, text) {
		return
	}
	if got := v.plain(); !reflect.DeepEqual(got, answer) {
		t.Fatalf("an answer %#v; want %#v", got, answer)
	}
}

// silent wants nothing to arrive, neither an answer nor an end. Each test that uses
// it first sees something that would have arrived later, or is wrong for longer.
func (c *conn) silent(t testing.TB) {
	t.Helper()
	do(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.r.Peek(1)
	if timeout, is := err.(net.Error); !is || !timeout.Timeout() {
		t.Fatalf("not silent: %v", err)
	}
}

// gone wants the connection to end, and nothing to arrive before.
func (c *conn) gone(t testing.TB) {
	t.Helper()
	do(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, err := c.r.Peek(1)
	if timeout, is := err.(net.Error); err == nil || is && timeout.Timeout() {
		t.Fatalf("not gone: %v", err)
	}
}
