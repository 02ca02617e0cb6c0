package conformance_test

import (
	"errors"
	"testing"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

// client is the far end of transport/pipe, as the suite wants one.
type client struct {
	t testing.TB
	*pipe.Client
}

func (c client) Send(text string) error { return c.Client.Send(c.t.Context(), core.Message(text)) }

func (c client) Receive() (string, error) {
	m, err := c.Client.Receive(c.t.Context())
	if end, ok := errors.AsType[*pipe.CloseError](err); ok {
		return "", &conformance.Ended{Code: end.Code, Reason: end.Reason}
	}
	return string(m), err
}

func (c client) Violate(code core.CloseCode) error { return c.Client.Violate(c.t.Context(), code) }

func (c client) Close(code core.CloseCode, reason string) error {
	c.CloseWith(code, reason)
	return nil
}

func dialPipe(t testing.TB, i transport.Acceptor) (conformance.Client, error) {
	c, err := pipe.Dial(i, nil)
	if err != nil {
		return nil, err
	}
	return client{t, c}, nil
}

// The author of a transport writes a client, and one test.
func ExampleRunTransport() {
	TestTransport := func(t *testing.T) {
		conformance.RunTransport(t, dialPipe)
	}
	_ = TestTransport // go test calls it
}
