package pipe_test

import (
	"errors"
	"testing"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

func TestPromises(t *testing.T) {
	conformance.RunTransport(t, func(t testing.TB, i transport.Acceptor) (conformance.Client, error) {
		c, err := pipe.Dial(i, nil)
		return client{t, c}, err
	})
}

// client is a pipe.Client as the promises want one.
type client struct {
	t testing.TB
	c *pipe.Client
}

func (c client) Send(text string) error {
	return c.c.Send(c.t.Context(), core.Message(text))
}

func (c client) Receive() (string, error) {
	m, err := c.c.Receive(c.t.Context())
	if end, ok := errors.AsType[*pipe.CloseError](err); ok {
		return "", &conformance.Ended{Code: end.Code, Reason: end.Reason}
	}
	return string(m), err
}

func (c client) Violate(code core.CloseCode) error { return c.c.Violate(c.t.Context(), code) }

func (c client) Close(code core.CloseCode, reason string) error {
	c.c.CloseWith(code, reason)
	return nil
}

func (c client) Abort() { c.c.Abort() }
