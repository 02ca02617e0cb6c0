package conformance_test

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

const (
	goodbye      = "the client's close reaches the instance with code and reason"
	afterEnd     = "Write and Close after the end do nothing"
	vanishes     = "a client that vanishes is lost"
	lostStuck    = "a client that vanishes while Write is stuck is lost"
	lostUnread   = "a client that vanishes while Receive blocks is noticed by Write"
	closedLast   = "Closed comes once, and last"
	binary       = "a binary frame is a violation"
	tooBig       = "a message over the limit is a violation"
	notUTF8      = "text that is not UTF-8 is a violation"
	sameBatch    = "a session that is a BatchReceiver gets the same"
	refusal      = "who is refused is told so"
	abortedWords = "aborted by the client" // pipe's reason
)

// told makes a wrong transport of what Closed is told.
func told(change func(code core.CloseCode, reason string) (core.CloseCode, string)) func() wrong {
	return func() wrong {
		return wrong{closed: func(s transport.Session, code core.CloseCode, reason string) {
			if code, reason = change(code, reason); code != 0 {
				s.Closed(code, reason)
			}
		}}
	}
}

// violating makes a wrong transport of what is called instead of Violated, for
// one code.
func violating(wrongly core.CloseCode, call func(s transport.Session)) func() wrong {
	return func() wrong {
		return wrong{violated: func(s transport.Session, code core.CloseCode) {
			if code == wrongly {
				call(s)
			} else {
				s.Violated(code)
			}
		}}
	}
}

var wrongLosses = []wrongTransport{
	{"every goodbye is a normal one", goodbye, dialWrong(func() wrong {
		return wrong{leave: func(c client, code core.CloseCode, reason string) error { return c.Close(core.CloseNormal, reason) }}
	}), false},
	{"the client's reason is dropped", goodbye, dialWrong(func() wrong {
		return wrong{leave: func(c client, code core.CloseCode, _ string) error { return c.Close(code, "") }}
	}), false},

	{"Write to a client that has left answers that all is well", afterEnd, dialWrong(func() wrong {
		var left atomic.Bool
		return wrong{
			leave: func(c client, code core.CloseCode, reason string) error {
				left.Store(true)
				return c.Close(code, reason)
			},
			write: func(c transport.Conn, messages [][]byte) error {
				if err := c.Write(messages); !left.Load() {
					return err
				}
				return nil
			},
		}
	}), false},

	{"a broken connection counts as a goodbye", vanishes, dialWrong(told(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		if reason == abortedWords {
			code = core.CloseNormal
		}
		return code, reason
	})), false},
	{"a broken connection is not noticed", vanishes, dialWrong(told(func(code core.CloseCode, reason string) (core.CloseCode, string) {
		if reason == abortedWords {
			code = 0
		}
		return code, reason
	})), false},

	{"a stuck Write does not notice a broken connection", lostStuck, dialWrong(func() wrong {
		var gone atomic.Bool
		return wrong{
			abort: func(c client) {
				gone.Store(true)
				c.Abort()
			},
			write: func(c transport.Conn, messages [][]byte) error {
				err := c.Write(messages)
				if err != nil && gone.Load() {
					pause(90 * time.Second)
				}
				return err
			},
		}
	}), false},

	{"only the reader notices a broken connection", lostUnread, dialWrong(func() wrong {
		var gone, reading atomic.Bool
		return wrong{
			abort: func(c client) {
				gone.Store(true)
				c.Abort()
			},
			receive: func(s transport.Session, m []byte) {
				reading.Store(true)
				defer reading.Store(false)
				s.Receive(m)
			},
			write: func(c transport.Conn, messages [][]byte) error {
				err := c.Write(messages)
				if gone.Load() && reading.Load() {
					return nil
				}
				return err
			},
		}
	}), false},

	{"Closed does not wait for Receive", closedLast, dialWrong(func() wrong {
		var session atomic.Pointer[transport.Session]
		var told atomic.Bool
		return wrong{
			receive: func(s transport.Session, m []byte) {
				session.Store(&s)
				s.Receive(m)
			},
			abort: func(c client) {
				c.Abort()
				if s := session.Load(); s != nil && told.CompareAndSwap(false, true) {
					(*s).Closed(core.CloseLost, "")
				}
			},
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				if told.CompareAndSwap(false, true) {
					s.Closed(code, reason)
				}
			},
		}
	}), false},
	{"Closed comes twice", closedLast, dialWrong(func() wrong {
		return wrong{closed: func(s transport.Session, code core.CloseCode, reason string) {
			s.Closed(code, reason)
			s.Closed(code, reason)
		}}
	}), false},
	{"a message comes after Closed", closedLast, dialWrong(func() wrong {
		return wrong{closed: func(s transport.Session, code core.CloseCode, reason string) {
			s.Closed(code, reason)
			s.Receive([]byte("late"))
		}}
	}), false},

	{"a binary frame is taken for text", binary, dialWrong(violating(core.CloseBinary, func(s transport.Session) { s.Receive([]byte("binary")) })), false},
	{"the client is heard after its violation", binary, dialWrong(func() wrong {
		mark := []byte("\x00binary") // no such text is sent
		return wrong{
			violate: func(c client, code core.CloseCode) error {
				if code != core.CloseBinary {
					return c.Violate(code)
				}
				return c.Send(string(mark))
			},
			receive: func(s transport.Session, m []byte) {
				if bytes.Equal(m, mark) {
					s.Violated(core.CloseBinary)
				} else {
					s.Receive(m)
				}
			},
		}
	}), false},
	{"the transport closes by itself", binary, dialWrong(func() wrong {
		var conn transport.Conn
		return wrong{
			accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
				conn = c
				return i.Accept(c, h)
			},
			violated: func(s transport.Session, code core.CloseCode) {
				s.Violated(code)
				conn.Close(code, "")
			},
		}
	}), false},
	{"a message over the limit is a refusal", tooBig, dialWrong(violating(core.CloseTooBig, func(s transport.Session) { s.Violated(core.ClosePolicy) })), false},
	{"what is not UTF-8 is repaired", notUTF8, dialWrong(violating(core.CloseNotJSON, func(s transport.Session) { s.Receive([]byte("\uFFFD")) })), false},

	{"who is refused is kept waiting", refusal, dialWrong(func() wrong {
		return wrong{accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
			s, err := i.Accept(c, h)
			if err != nil {
				return nobody{}, nil
			}
			return s, nil
		}}
	}), false},
	{"who is refused is told to be done", refusal, dialWrong(func() wrong {
		return wrong{accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
			s, err := i.Accept(c, h)
			if err != nil {
				c.Close(core.CloseNormal, "")
				return nobody{}, nil
			}
			return s, nil
		}}
	}), false},

	{"the last message is held back until another comes", sameBatch, dialWrong(func() wrong {
		var held [][]byte
		give := func(s transport.Session) {
			if len(held) > 0 {
				s.(transport.BatchReceiver).ReceiveAll(held)
				held = nil
			}
		}
		return wrong{
			receive: func(s transport.Session, m []byte) {
				if _, ok := s.(transport.BatchReceiver); !ok {
					s.Receive(m)
					return
				}
				give(s)
				held = append(held, m)
			},
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				give(s)
				s.Closed(code, reason)
			},
		}
	}), false},
	{"the last message comes once more", sameBatch, dialWrong(func() wrong {
		return wrong{receive: func(s transport.Session, m []byte) {
			s.Receive(m)
			if all, ok := s.(transport.BatchReceiver); ok {
				all.ReceiveAll([][]byte{bytes.Clone(m)})
			}
		}}
	}), false},
	{"of what comes together, the last is handed in first", sameBatch, dialWrong(func() wrong {
		var held []byte
		got := 0
		return wrong{receive: func(s transport.Session, m []byte) {
			all, ok := s.(transport.BatchReceiver)
			switch got++; {
			case !ok || got <= 10: // those are waited for, one by one
				s.Receive(m)
			case held == nil:
				held = m
			default:
				all.ReceiveAll([][]byte{m, held})
				held = nil
			}
		}}
	}), false},
	{"what is held back when the client leaves is dropped", sameBatch, dialWrong(func() wrong {
		return wrong{receive: func(s transport.Session, m []byte) {
			if _, ok := s.(transport.BatchReceiver); !ok || string(m) != "last words" {
				s.Receive(m)
			}
		}}
	}), false},
	{"a violation comes before what is held back", sameBatch, dialWrong(func() wrong {
		var held []byte
		return wrong{
			receive: func(s transport.Session, m []byte) {
				if _, ok := s.(transport.BatchReceiver); ok && string(m) == "good" {
					held = m
				} else {
					s.Receive(m)
				}
			},
			violated: func(s transport.Session, code core.CloseCode) {
				s.Violated(code)
				if held != nil {
					s.Receive(held)
				}
			},
		}
	}), false},
}

// nobody is the session of a connection that was refused.
type nobody struct{}

func (nobody) Receive([]byte)                {}
func (nobody) Violated(core.CloseCode)       {}
func (nobody) Closed(core.CloseCode, string) {}
