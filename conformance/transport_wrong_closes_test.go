package conformance_test

import (
	"cmp"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

const (
	early      = "what the instance writes before Accept has returned reaches the client"
	afterAll   = "Close comes after what was written, and the first counts"
	codesOut   = "every code of est reaches the client, and an empty reason is the code's own"
	reasonsOut = "a reason of 123 bytes reaches the client whole, and a longer one is cut between two runes"
	wordless   = "Close with core.CloseLost says nothing"
	within     = "Write and Close work from within a call of the session"
	cuts       = "Close does not wait, and cuts a Write that is stuck"
	answered   = "Close during Write: what was answered has arrived"
	oneEnd     = "closes of both sides at once are one end"
)

var errWrong = errors.New("wrong: the connection is closed")

// closing makes a wrong transport of what it makes of a code and a reason.
func closing(change func(code core.CloseCode, reason string) (core.CloseCode, string)) func() wrong {
	return func() wrong {
		return wrong{close: func(c transport.Conn, code core.CloseCode, reason string) { c.Close(change(code, reason)) }}
	}
}

// accepting keeps what the instance does before Accept has returned from the
// connection.
func accepting(write, close bool) func() wrong {
	return func() wrong {
		var accepted atomic.Bool
		w := wrong{accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
			defer accepted.Store(true)
			return i.Accept(c, h)
		}}
		if write {
			w.write = func(c transport.Conn, messages [][]byte) error {
				if !accepted.Load() {
					return nil
				}
				return c.Write(messages)
			}
		}
		if close {
			w.close = func(c transport.Conn, code core.CloseCode, reason string) {
				if accepted.Load() {
					c.Close(code, reason)
				}
			}
		}
		return w
	}
}

// inTurn keeps Close waiting for a Write that runs: in the call, or behind it.
func inTurn(background bool) func() wrong {
	return func() wrong {
		turn := make(chan struct{}, 1)
		return wrong{
			write: func(c transport.Conn, messages [][]byte) error {
				turn <- struct{}{}
				defer func() { <-turn }()
				return c.Write(messages)
			},
			close: func(c transport.Conn, code core.CloseCode, reason string) {
				wait := func() {
					turn <- struct{}{}
					c.Close(code, reason)
					<-turn
				}
				select {
				case turn <- struct{}{}: // nobody writes
					c.Close(code, reason)
					<-turn
				default:
					if background {
						go wait()
					} else {
						wait()
					}
				}
			},
		}
	}
}

var wrongCloses = []wrongTransport{
	{"a Write during Accept is lost", early, dialWrong(accepting(true, false)), false},
	{"a Close during Accept is lost", early, dialWrong(accepting(false, true)), false},

	{"Close overtakes what was written", afterAll, dialWrong(func() wrong {
		var end atomic.Pointer[conformance.Ended]
		return wrong{
			close: func(c transport.Conn, code core.CloseCode, reason string) {
				end.CompareAndSwap(nil, &conformance.Ended{Code: code, Reason: cmp.Or(reason, code.Reason())})
				c.Close(code, reason)
			},
			get: func(c client) (string, error) {
				if e := end.Load(); e != nil {
					return "", e
				}
				return c.Receive()
			},
		}
	}), false},
	{"the second Close counts", afterAll, dialWrong(func() wrong {
		var mu sync.Mutex
		var end *conformance.Ended
		return wrong{
			close: func(c transport.Conn, code core.CloseCode, reason string) {
				mu.Lock()
				defer mu.Unlock()
				if end == nil {
					time.AfterFunc(time.Millisecond, func() {
						mu.Lock()
						defer mu.Unlock()
						c.Close(end.Code, end.Reason)
					})
				}
				end = &conformance.Ended{Code: code, Reason: reason}
			},
			write: func(c transport.Conn, messages [][]byte) error {
				mu.Lock()
				over := end != nil
				mu.Unlock()
				if over {
					return errWrong
				}
				return c.Write(messages)
			},
		}
	}), false},

	{"no phrase for an empty reason", codesOut, dialWrong(func() wrong {
		return wrong{get: func(c client) (string, error) {
			text, err := c.Receive()
			if end, ok := errors.AsType[*conformance.Ended](err); ok && end.Reason == end.Code.Reason() {
				end.Reason = ""
			}
			return text, err
		}}
	}), false},
	{"codes that RFC 6455 did not have yet are another", codesOut, dialWrong(closing(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		if code == core.CloseComeBack || code == core.CloseTryLater {
			return core.CloseBug, cmp.Or(reason, code.Reason())
		}
		return code, reason
	})), false},
	{"the last code of applications is out of range", codesOut, dialWrong(closing(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		return min(code, 4998), reason
	})), false},

	{"a reason is cut after 123 bytes", reasonsOut, dialWrong(closing(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		return code, reason[:min(len(reason), 123)]
	})), false},
	{"a reason is cut far too early", reasonsOut, dialWrong(closing(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		if len(reason) > 123 {
			reason = ""
		}
		return code, reason
	})), false},

	{"1006 is sent as something else", wordless, dialWrong(closing(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		if code == core.CloseLost {
			code = core.CloseBug
		}
		return code, reason
	})), false},

	{"Closed is called with the lock of Close held", within, dialWrong(func() wrong {
		var mu sync.Mutex
		return wrong{
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				mu.Lock()
				defer mu.Unlock()
				s.Closed(code, reason)
			},
			close: func(c transport.Conn, code core.CloseCode, reason string) {
				mu.Lock()
				defer mu.Unlock()
				c.Close(code, reason)
			},
		}
	}), true},
	{"Write within Closed answers that all is well", within, dialWrong(func() wrong {
		var closed atomic.Bool
		return wrong{
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				closed.Store(true)
				defer closed.Store(false)
				s.Closed(code, reason)
			},
			write: func(c transport.Conn, messages [][]byte) error {
				if closed.Load() {
					return nil
				}
				return c.Write(messages)
			},
		}
	}), false},

	{"Close waits for a stuck Write", cuts, dialWrong(inTurn(false)), false},
	{"a stuck Write is not cut", cuts, dialWrong(inTurn(true)), false},

	{"Write answers for its first message", answered, dialWrong(func() wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			if len(messages) == 0 {
				return nil
			}
			err := c.Write(messages[:1])
			if err == nil {
				pause(time.Millisecond) // so that a Close comes between
				_ = c.Write(messages[1:])
			}
			return err
		}}
	}), false},

	{"two closes that cross are none", oneEnd, dialWrong(func() wrong {
		var here, there atomic.Bool
		return wrong{
			close: func(c transport.Conn, code core.CloseCode, reason string) {
				here.Store(true)
				c.Close(code, reason)
			},
			leave: func(c client, code core.CloseCode, reason string) error {
				there.Store(true)
				return c.Close(code, reason)
			},
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				pause(time.Millisecond) // so that both have closed
				if !here.Load() || !there.Load() {
					s.Closed(code, reason)
				}
			},
		}
	}), false},
}
