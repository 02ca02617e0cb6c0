package redistest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const increment = "return redis.call('INCR', KEYS[1])"

// tryLoss has a client that is about to lose a reply.
type tryLoss struct {
	*testing.T
	server *Server
	proxy  *Proxy
	c      *conn
}

// lost wants the client to see its end, the command to be performed, and the rest
// to go on.
func (l *tryLoss) lost(n int64) {
	l.Helper()
	l.c.gone(l)
	want(l, l.server, n, "INCRBY", "n", "0")
	if got := l.proxy.Stats().Lost; got != 1 {
		l.Errorf("%d replies were lost; want 1", got)
	}
	l.c = dial(l, l.proxy.Addr())
	l.c.send("EVAL", increment, "1", "n")
	l.c.expect(l, n+1)
}

func TestLoseReply(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	cases := map[string]func(*tryLoss){
		"the next script": func(l *tryLoss) {
			l.proxy.LoseReply(nil)
			l.c.send("INCR", "n")
			l.c.expect(l, int64(1))
			l.c.send("eval", increment, "1", "n")
			l.lost(2)
		},
		"within a pipeline": func(l *tryLoss) {
			l.proxy.LoseReply(nil)
			var all []byte
			for _, command := range []string{"GET n", "INCR n", "EVAL", "INCR other", "GET n"} {
				args := strings.Fields(command)
				if command == "EVAL" {
					args = []string{"EVAL", increment, "1", "n"}
				}
				all = append(all, encode(args)...)
			}
			if _, err := l.c.Write(all); err != nil {
				l.Fatal(err)
			}
			l.c.expect(l, nil)
			l.c.expect(l, int64(1))
			l.lost(2)
		},
		"while the client sends": func(l *tryLoss) {
			big := strings.Repeat("x", 256<<10) // more than the client takes without reading
			want(l, l.server, "OK", "SET", "big", big)
			l.proxy.LoseReply(nil)
			l.c.send("GET", "big")
			l.c.send("EVAL", increment, "1", "n")
			sending, c := make(chan struct{}), l.c
			go func() {
				defer close(sending)
				for {
					if _, err := c.Write(encode([]string{"PING", big[:10_000]})); err != nil {
						return
					}
				}
			}()
			do(l, until(func() error {
				if l.proxy.Stats().Lost == 0 {
					return errors.New("nothing was lost")
				}
				return nil
			}))
			l.c.expect(l, big)
			l.lost(1)
			do(l, c.Close())
			<-sending
		},
		"of the connection that sends it": func(l *tryLoss) {
			others := []*conn{dial(l, l.proxy.Addr()), dial(l, l.proxy.Addr())}
			l.proxy.LoseReply(nil)
			for _, c := range others {
				c.send("INCR", "n")
			}
			l.c.send("EVAL", increment, "1", "n")
			l.c.gone(l)
			for _, c := range others {
				must[value](l)(c.next())
				c.send("PING")
				c.expect(l, "PONG")
			}
			l.lost(3)
		},
		"after handshakes": func(l *tryLoss) {
			l.proxy.LoseReply(nil)
			l.c.send("HELLO", "3")
			l.c.send("CLIENT", "SETNAME", "x")
			l.c.send("CLIENT", "NO-SUCH-THING")
			must[value](l)(l.c.next())
			l.c.expect(l, "OK")
			l.c.expect(l, "ERR")
			l.c.send("EVALSHA", "0123456789012345678901234567890123456789", "1", "n")
			l.c.expect(l, "NOSCRIPT") // it was not performed
			l.c.send("EVAL", increment, "1", "n")
			l.lost(1)
		},
		"known by its hash": func(l *tryLoss) {
			sha := must[any](l)(l.server.Command("SCRIPT", "LOAD", increment)).(string)
			l.proxy.LoseReply(nil)
			l.c.send("evalsha", sha, "1", "n")
			l.lost(1)
		},
		"beside a subscriber": func(l *tryLoss) {
			sub := dial(l, l.proxy.Addr())
			sub.send("SUBSCRIBE", "x", "y")
			sub.expect(l, []any{"subscribe", "x", int64(1)})
			sub.expect(l, []any{"subscribe", "y", int64(2)})
			l.proxy.LoseReply(nil)
			l.c.send("EVAL", "redis.call('PUBLISH', 'y', 'm') "+increment, "1", "n")
			sub.expect(l, []any{"message", "y", "m"})
			l.lost(1)
			sub.send("PING")
			sub.expect(l, []any{"pong", ""})
		},
		"of a subscriber, RESP 3": func(l *tryLoss) {
			l.c.send("HELLO", "3")
			l.c.send("SUBSCRIBE", "x", "y")
			l.c.send("SUBSCRIBE") // refused
			l.c.send("PSUBSCRIBE", "z*")
			must[value](l)(l.c.next())
			l.c.expect(l, []any{"subscribe", "x", int64(1)})
			l.c.expect(l, []any{"subscribe", "y", int64(2)})
			l.c.expect(l, "ERR")
			l.c.expect(l, []any{"psubscribe", "z*", int64(3)})
			l.proxy.LoseReply(func(args []string) bool { return args[0] == "BLPOP" })
			l.c.send("BLPOP", "list", "0") // what is published meanwhile comes before the answer
			do(l, until(func() error {
				if n := l.proxy.Stats().Commands["BLPOP"]; n != 1 {
					return fmt.Errorf("%d were passed on", n)
				}
				return nil
			}))
			want(l, l.server, int64(1), "PUBLISH", "zz", "m")
			l.c.expect(l, []any{"pmessage", "z*", "zz", "m"})
			want(l, l.server, int64(1), "PUBLISH", "x", "m")
			l.c.expect(l, []any{"message", "x", "m"})
			want(l, l.server, int64(1), "INCR", "n")
			want(l, l.server, int64(1), "RPUSH", "list", "a")
			l.lost(1)
			want(l, l.server, int64(0), "LLEN", "list")
		},
		"of what was a subscriber, RESP 2": func(l *tryLoss) {
			l.c.send("SUBSCRIBE", "x", "y")
			l.c.expect(l, []any{"subscribe", "x", int64(1)})
			l.c.expect(l, []any{"subscribe", "y", int64(2)})
			want(l, l.server, int64(1), "PUBLISH", "y", "m")
			l.c.expect(l, []any{"message", "y", "m"})
			l.proxy.LoseReply(nil)
			pipeline := append(encode([]string{"UNSUBSCRIBE"}), encode([]string{"INCR", "n"})...)
			if _, err := l.c.Write(append(pipeline, encode([]string{"EVAL", increment, "1", "n"})...)); err != nil {
				l.Fatal(err)
			}
			must[value](l)(l.c.next())
			must[value](l)(l.c.next())
			l.c.expect(l, int64(1))
			l.lost(2)
		},
		"that is asked for": func(l *tryLoss) {
			l.proxy.LoseReply(func(args []string) bool { return args[0] == "INCR" && args[1] == "n" })
			l.c.send("EVAL", increment, "1", "n")
			l.c.expect(l, int64(1))
			l.c.send("INCR", "other")
			must[value](l)(l.c.next())
			l.c.send("INCR", "n")
			l.lost(2)
		},
		"of a whole transaction": func(l *tryLoss) {
			l.proxy.LoseReply(func(args []string) bool { return args[0] == "INCR" || args[0] == "EXEC" })
			l.c.send("MULTI")
			l.c.expect(l, "OK")
			l.c.send("INCR", "n")
			l.c.expect(l, "QUEUED")
			l.c.send("EXEC")
			l.lost(1)
		},
		"sent after the call": func(l *tryLoss) {
			do(l, l.server.Pause())
			l.c.send("EVAL", increment, "1", "n")
			do(l, until(func() error {
				if n := l.proxy.Stats().Commands["EVAL"]; n != 1 {
					return fmt.Errorf("%d scripts were passed on", n)
				}
				return nil
			}))
			l.proxy.LoseReply(nil)
			do(l, l.server.Resume())
			l.c.expect(l, int64(1))
			l.c.send("EVAL", increment, "1", "n")
			l.lost(2)
		},
	}
	for name, try := range cases {
		t.Run(name, func(t *testing.T) {
			want(t, s, "OK", "FLUSHALL")
			want(t, s, "OK", "SCRIPT", "FLUSH")
			p := NewProxy(t, s.Addr())
			try(&tryLoss{t, s, p, dial(t, p.Addr())})
		})
	}
	t.Run("one for each call", func(t *testing.T) {
		want(t, s, "OK", "FLUSHALL")
		p := NewProxy(t, s.Addr())
		p.LoseReply(nil)
		p.LoseReply(nil)
		for range 2 {
			c := dial(t, p.Addr())
			c.send("EVAL", increment, "1", "n")
			c.gone(t)
		}
		c := dial(t, p.Addr())
		c.send("EVAL", increment, "1", "n")
		c.expect(t, int64(3))
	})
}
