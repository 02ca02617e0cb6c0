package conformance_test

import (
	"bytes"
	"sync"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

const (
	slowedDown  = "a session that takes nothing slows its client down"
	stillWrites = "a session that takes nothing can write and close"
	blocksAlone = "a session that takes nothing holds nobody else up"
	givesUp     = "Write blocks while the client does not read, and gives up"
	slowAlone   = "a client that does not read holds nobody else up"
)

var wrongPressure = []wrongTransport{
	{"received messages are queued without a bound", slowedDown, dialWrong(func() wrong {
		var mu sync.Mutex
		var queue [][]byte
		more, over := make(chan struct{}, 1), make(chan struct{})
		return wrong{
			receive: func(s transport.Session, m []byte) {
				mu.Lock()
				defer mu.Unlock()
				if queue = append(queue, m); len(queue) > 1 {
					return
				}
				go func() {
					mu.Lock()
					defer mu.Unlock()
					for len(queue) > 0 {
						m := queue[0]
						mu.Unlock()
						s.Receive(m)
						mu.Lock()
						queue = queue[1:]
					}
					select {
					case more <- struct{}{}:
					default:
					}
				}()
			},
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				defer close(over)
				mu.Lock()
				for len(queue) > 0 {
					mu.Unlock()
					<-more
					mu.Lock()
				}
				mu.Unlock()
				s.Closed(code, reason)
			},
		}
	}), false},

	{"Receive is called with the write lock held", stillWrites, dialWrong(func() wrong {
		var mu sync.Mutex
		return wrong{
			receive: func(s transport.Session, m []byte) {
				mu.Lock()
				defer mu.Unlock()
				s.Receive(m)
			},
			write: func(c transport.Conn, messages [][]byte) error {
				mu.Lock()
				defer mu.Unlock()
				return c.Write(messages)
			},
		}
	}), true},
	{"Write waits for Receive", stillWrites, dialWrong(func() wrong {
		turn := make(chan struct{}, 1)
		return wrong{
			receive: func(s transport.Session, m []byte) {
				turn <- struct{}{}
				s.Receive(m)
				<-turn
			},
			write: func(c transport.Conn, messages [][]byte) error {
				turn <- struct{}{}
				defer func() { <-turn }()
				return c.Write(messages)
			},
		}
	}), false},

	{"one goroutine reads for all", blocksAlone, dialShared(func(all *shared) wrong {
		return wrong{receive: func(s transport.Session, m []byte) {
			all.lock <- struct{}{}
			s.Receive(m)
			<-all.lock
		}}
	}), false},

	{"written messages are queued without a bound", givesUp, dialWrong(func() wrong {
		q := newLater()
		return wrong{
			accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
				go q.run(c.(wrongConn).Conn)
				return i.Accept(c, h)
			},
			write: func(_ transport.Conn, messages [][]byte) error {
				var copies [][]byte
				for _, m := range messages {
					copies = append(copies, bytes.Clone(m))
				}
				return q.put(copies)
			},
			closed: func(s transport.Session, code core.CloseCode, reason string) {
				close(q.over)
				s.Closed(code, reason)
			},
		}
	}), false},
	{"Write never gives up", givesUp, dialWrong(func() wrong { return wrong{options: &pipe.Options{WriteTimeout: time.Hour}} }), false},
	{"Write gives up without an error", givesUp, dialWrong(func() wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			_ = c.Write(messages)
			return nil
		}}
	}), false},

	{"one lock for the writes of all", slowAlone, dialShared(func(all *shared) wrong {
		return wrong{write: func(c transport.Conn, messages [][]byte) error {
			all.lock <- struct{}{}
			defer func() { <-all.lock }()
			return c.Write(messages)
		}}
	}), false},
}
