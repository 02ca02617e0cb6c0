package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/spinneyio/est/broker"
)

// method is a call of a handle, by name.
type method struct {
	name string
	do   func(ctx context.Context) error
}

// calls are one of each, for rules about all of them.
func (h *handle) calls(key broker.Key) []method {
	return []method{
		{h.name + ".Load", func(ctx context.Context) error {
			_, err := h.Load(ctx, key, true)
			return err
		}},
		{h.name + ".Commit", func(ctx context.Context) error {
			_, err := h.Commit(ctx, key, broker.Commit{ID: h.c.writer().next(), Value: put("value")})
			return err
		}},
		{h.name + ".Subscribe", func(ctx context.Context) error {
			_, err := h.Subscribe(ctx, key, deaf)
			return err
		}},
	}
}

// deaf is a handler for subscriptions that nobody listens to, or that must not come
// to be.
var deaf = broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}}

// callsFail makes one of each, and gives up unless they fail with target.
func (h *handle) callsFail(ctx context.Context, key broker.Key, target error) {
	for _, call := range h.calls(key) {
		h.c.failsWith(target, call.name, call.do(ctx))
	}
}

// shutOut gives up unless the calls of h say that it is closed.
func (h *handle) shutOut(key broker.Key) {
	ctx, cancel := h.c.bounded()
	defer cancel()
	h.callsFail(ctx, key, broker.ErrClosed)
}

// failsWith gives up unless a call has failed with an error that is target.
func (c *trial) failsWith(target error, call string, err error) {
	c.note("%s → %s", call, outcome(err))
	if !errors.Is(err, target) {
		c.fatal(fmt.Sprintf("%s fails with an error that is %q", call, target), outcome(err))
	}
}
