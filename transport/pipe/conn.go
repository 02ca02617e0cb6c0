package pipe

import (
	"bytes"
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

var (
	errClosed  = errors.New("pipe: write: the connection is closed")
	errTimeout = errors.New("pipe: write: the client does not read")
)

// input is what a client sends: a message, or a violation.
type input struct {
	message  []byte
	violated core.CloseCode
}

// conn is what is between a client and a session: the transport.Conn that the
// instance gets.
type conn struct {
	timeout time.Duration
	in      chan input    // to feed; not buffered, so that nothing is under way when a close is seen
	out     chan []byte   // to the client
	ended   chan struct{} // closed when either side has ended the connection
	quiet   chan struct{} // closed when ended and no Write will put anything into out any more

	mu      sync.Mutex // protects what follows; code and reason don't change once ended is closed
	over    bool       // ended is closed
	writing bool       // a Write runs
	code    core.CloseCode
	reason  string
}

func newConn(o *Options) *conn {
	return &conn{
		timeout: cmp.Or(max(o.WriteTimeout, 0), 10*time.Second),
		in:      make(chan input),
		out:     make(chan []byte, cmp.Or(max(o.Buffer, 0), 64)),
		ended:   make(chan struct{}),
		quiet:   make(chan struct{}),
	}
}

// feed makes all calls of the session: one after the other, Closed last.
func (c *conn) feed(session transport.Session) {
	violated := false
	for {
		select {
		case <-c.ended:
			session.Closed(c.code, c.reason)
			return
		case in := <-c.in:
			// Also when ended meanwhile: a client that says something and closes is heard.
			switch {
			case violated: // dropped
			case in.violated != 0:
				violated = true
				session.Violated(in.violated)
			default:
				session.Receive(in.message)
			}
		}
	}
}

// Write implements transport.Conn.
func (c *conn) Write(messages [][]byte) error {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return errClosed
	}
	c.writing = true
	c.mu.Unlock()

	err := c.write(messages)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	if c.over {
		close(c.quiet)
	}
	return err
}

func (c *conn) write(messages [][]byte) error {
	var timer *time.Timer // made when there is something to wait for
	for _, m := range messages {
		m = bytes.Clone(m) // the instance shares it with other connections
		select {
		case c.out <- m:
			continue
		default:
		}
		if timer == nil {
			timer = time.NewTimer(c.timeout)
			defer timer.Stop()
		}
		select {
		case c.out <- m:
		case <-c.ended:
			return errClosed
		case <-timer.C:
			c.Close(core.CloseLost, "the client does not read")
			return errTimeout
		}
	}
	return nil
}

// Close implements transport.Conn, and is how a client ends the connection too.
func (c *conn) Close(code core.CloseCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over, c.code, c.reason = true, code, reason
	close(c.ended)
	if !c.writing {
		close(c.quiet)
	}
}

// closeError is what the client sees of the end, once ended is closed.
func (c *conn) closeError() error {
	return &CloseError{Code: c.code, Reason: cmp.Or(c.reason, c.code.Reason())}
}
