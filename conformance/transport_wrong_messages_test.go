package conformance_test

import (
	"bytes"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

const (
	overlap  = "calls of a session do not overlap"
	orderIn  = "messages to the instance keep their order"
	orderOut = "messages to the client keep their order"
	textIn   = "text of any kind reaches the instance as it was sent"
	textOut  = "text of any kind reaches the client as it was written"
	sizeIn   = "messages of all sizes up to 64 KiB reach the instance"
	sizeOut  = "messages of all sizes reach the client"
	owned    = "a received message belongs to the instance"
	shares   = "Write shares its slices"
)

// received makes a wrong transport of what it makes of a received message.
func received(change func(m []byte) []byte) func() wrong {
	return func() wrong {
		return wrong{receive: func(s transport.Session, m []byte) {
			if m = change(m); m != nil {
				s.Receive(m)
			}
		}}
	}
}

// written makes a wrong transport of what it makes of a written message.
func written(change func(m []byte) []byte) func() wrong {
	return func() wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			var changed [][]byte
			for _, m := range messages {
				if m = change(m); m != nil {
					changed = append(changed, m)
				}
			}
			return c.Write(changed)
		}}
	}
}

var wrongMessages = []wrongTransport{
	{"a goroutine for each message", overlap, dialWrong(func() wrong {
		return wrong{receive: func(s transport.Session, m []byte) { go s.Receive(m) }}
	}), false},

	{"two messages are swapped", orderIn, dialWrong(func() wrong {
		var held [][]byte
		return wrong{
			receive: func(s transport.Session, m []byte) {
				if held = append(held, m); len(held) == 2 {
					s.Receive(held[1])
					s.Receive(held[0])
					held = nil
				}
			},
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				for _, m := range held {
					s.Receive(m)
				}
				s.Closed(code, reason)
			},
		}
	}), false},
	{"the fiftieth message is lost", orderIn, dialWrong(func() wrong {
		n := 0
		return received(func(m []byte) []byte {
			if n++; n == 50 {
				return nil
			}
			return m
		})()
	}), false},
	{"a message comes twice", orderIn, dialWrong(func() wrong {
		n := 0
		return wrong{receive: func(s transport.Session, m []byte) {
			s.Receive(m)
			if n++; n == 50 {
				s.Receive(bytes.Clone(m))
			}
		}}
	}), false},

	{"a batch is written backwards", orderOut, dialWrong(func() wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			for n := range messages {
				if err := c.Write(messages[len(messages)-1-n:][:1]); err != nil {
					return err
				}
			}
			return nil
		}}
	}), false},
	{"a batch is one message", orderOut, dialWrong(func() wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			return c.Write([][]byte{bytes.Join(messages, []byte("\n"))})
		}}
	}), false},

	{"white space is trimmed", textIn, dialWrong(received(func(m []byte) []byte { return append([]byte{}, bytes.TrimSpace(m)...) })), false},
	{"an empty message is nothing", textIn, dialWrong(received(func(m []byte) []byte {
		if len(m) == 0 {
			return nil
		}
		return m
	})), false},
	{"the replacement character is taken for an error", textIn, dialWrong(received(func(m []byte) []byte {
		if bytes.ContainsRune(m, utf8.RuneError) {
			return nil
		}
		return m
	})), false},

	{"text ends at a zero byte", textOut, dialWrong(written(func(m []byte) []byte {
		before, _, _ := bytes.Cut(m, []byte{0})
		return append([]byte{}, before...)
	})), false},
	{"line ends are translated", textOut, dialWrong(written(func(m []byte) []byte {
		return append([]byte{}, bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n"))...)
	})), false},
	{"a byte order mark is taken off", textOut, dialWrong(written(func(m []byte) []byte {
		return append([]byte{}, bytes.TrimPrefix(m, []byte("\uFEFF"))...)
	})), false},
	{"runes of four bytes are lost", textOut, dialWrong(written(func(m []byte) []byte {
		return []byte(strings.Map(func(r rune) rune {
			if r > 0xFFFF {
				return -1
			}
			return r
		}, string(m)))
	})), false},

	{"a length of 16 bits on the way in", sizeIn, dialWrong(received(func(m []byte) []byte { return m[:len(m)&0xFFFF] })), false},
	{"each block is checked for UTF-8", sizeIn, dialWrong(received(func(m []byte) []byte {
		var whole []byte
		for len(m) > 4096 {
			whole = append(whole, bytes.ToValidUTF8(m[:4096], []byte("??"))...)
			m = m[4096:]
		}
		return append(append([]byte{}, whole...), m...)
	})), false},
	{"a length of 16 bits on the way out", sizeOut, dialWrong(written(func(m []byte) []byte { return m[:len(m)&0xFFFF] })), false},

	{"the read buffer is used again", owned, dialWrong(func() wrong {
		buffer := make([]byte, 1<<20)
		return received(func(m []byte) []byte { return buffer[:copy(buffer, m)] })()
	}), false},

	{"Write masks its messages where they are", shares, dialWrong(func() wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			err := c.Write(messages)
			for _, m := range messages {
				for n := range m {
					m[n] ^= 0x55
				}
			}
			return err
		}}
	}), false},
	{"Write keeps its messages for later", shares, dialWrong(func() wrong {
		q := newLater()
		return wrong{
			accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
				go q.run(c.(wrongConn).Conn)
				return i.Accept(c, h)
			},
			write: func(_ transport.Conn, messages [][]byte) error { return q.put(messages) },
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				close(q.over)
				s.Closed(code, reason)
			},
		}
	}), false},
}

// later writes batches a moment later, and holds as many of them as there are.
type later struct {
	over chan struct{} // closed at the end
	more chan struct{}

	mu      sync.Mutex // protects batches
	batches [][][]byte
}

func newLater() *later {
	return &later{over: make(chan struct{}), more: make(chan struct{}, 1)}
}

func (q *later) put(messages [][]byte) error {
	q.mu.Lock()
	q.batches = append(q.batches, messages)
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
	return nil
}

func (q *later) run(c transport.Conn) {
	for {
		select {
		case <-q.more:
		case <-q.over:
			return
		}
		pause(time.Millisecond)
		for {
			q.mu.Lock()
			if len(q.batches) == 0 {
				q.mu.Unlock()
				break
			}
			batch := q.batches[0]
			q.batches = q.batches[1:]
			q.mu.Unlock()
			if c.Write(batch) != nil {
				return
			}
		}
	}
}
