package pipe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// Options of [Dial]; nil is all defaults, and so is a field that is zero.
type Options struct {
	// Handshake is what the instance gets to know about the client. It is handed
	// on as it is. Default: an empty one.
	Handshake core.Handshake

	// Buffer is how many messages the client holds unread before Write blocks.
	// Default 64.
	Buffer int

	// WriteTimeout is how long Write blocks while the buffer is full. Then the
	// connection is lost. Default 10 s.
	WriteTimeout time.Duration
}

// Client is the client's end of a connection. Its methods may be called
// concurrently.
type Client struct{ conn *conn }

// CloseError says how the connection ended.
type CloseError struct {
	Code   core.CloseCode
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("pipe: connection closed: %d (%s)", e.Code, e.Reason)
}

// Dial connects a client to i. The error is that of i's Accept, wrapped. What i
// writes before its Accept has returned waits in the client's buffer.
func Dial(i transport.Acceptor, o *Options) (*Client, error) {
	if i == nil {
		return nil, errors.New("pipe: dial: there is no acceptor: it is nil")
	}
	if o == nil {
		o = &Options{}
	}
	c := newConn(o)
	session, err := i.Accept(c, o.Handshake)
	if err != nil {
		return nil, fmt.Errorf("pipe: dial: %w", err)
	}
	go c.feed(session)
	return &Client{c}, nil
}

// Send sends v to the instance, encoded as JSON. A core.Message is sent as its
// own bytes, also when they are not JSON. Send returns when the instance is
// about to get the message; it blocks while the instance is still taking the one
// before. The error is a *CloseError after the end, or wraps that of ctx or of
// the encoding; in each case nothing was sent.
func (c *Client) Send(ctx context.Context, v any) error {
	if m, ok := v.(core.Message); ok {
		return c.put(ctx, input{message: bytes.Clone(m)})
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("pipe: send: %w", err)
	}
	return c.put(ctx, input{message: text})
}

// Violate breaks a rule of the transport as far as the instance can see: code is
// core.CloseBinary, core.CloseTooBig or core.CloseNotJSON. What is sent after it
// is dropped. Blocking and errors are those of [Client.Send].
func (c *Client) Violate(ctx context.Context, code core.CloseCode) error {
	return c.put(ctx, input{violated: code})
}

func (c *Client) put(ctx context.Context, in input) error {
	select {
	case c.conn.in <- in:
		return nil
	case <-c.conn.ended:
		return c.conn.closeError()
	case <-ctx.Done():
		return fmt.Errorf("pipe: send: %w", ctx.Err())
	}
}

// Receive returns the next message, which is the caller's from then on. After
// the last one the error is a *CloseError, at every call; while there is nothing
// to return it may wrap that of ctx.
func (c *Client) Receive(ctx context.Context) (core.Message, error) {
	var end error
	select {
	case m := <-c.conn.out:
		return m, nil
	case <-c.conn.quiet:
		end = c.conn.closeError()
	case <-ctx.Done():
		end = fmt.Errorf("pipe: receive: %w", ctx.Err())
	}
	select { // the one above picks at random among what is ready: a message comes first
	case m := <-c.conn.out:
		return m, nil
	default:
		return nil, end
	}
}

// Close ends the connection: the instance sees core.CloseNormal. It waits for
// nothing and never fails; after the end it does nothing.
func (c *Client) Close() error {
	c.CloseWith(core.CloseNormal, "")
	return nil
}

// CloseWith is Close with a code and a reason of the client's own.
func (c *Client) CloseWith(code core.CloseCode, reason string) { c.conn.Close(code, reason) }

// Abort breaks the connection: the instance sees core.CloseLost.
func (c *Client) Abort() { c.conn.Close(core.CloseLost, "aborted by the client") }
