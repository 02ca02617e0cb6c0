package pipe_test

import (
	"context"
	"errors"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/internal/transporttest"
	"github.com/spinneyio/est/transport/pipe"
)

func TestPromises(t *testing.T) {
	transporttest.Run(t, func(t testing.TB, i transport.Acceptor) (transporttest.Client, error) {
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
	var end *pipe.CloseError
	if errors.As(err, &end) {
		return "", &transporttest.Ended{Code: end.Code, Reason: end.Reason}
	}
	return string(m), err
}

func (c client) Violate() error { return c.c.Violate(context.Background(), core.CloseBinary) }

func (c client) Close(code core.CloseCode, reason string) { c.c.CloseWith(code, reason) }

func (c client) Abort() { c.c.Abort() }
