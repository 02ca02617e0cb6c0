package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/spinneyio/est/broker"
)

// givenUpRules are about a Close of a handle that can't wait.
var givenUpRules = []rule{{
	name:    "closing/ended-context",
	numbers: []int{31, 33},
	promise: "Close ends the handle and its subscriptions also if its context has ended before.",
	breaks:  "An instance that shuts down because its context has ended would go on serving, and hearing.",
	closes:  true,
	check: func(c *trial) {
		b := c.own()
		for _, ctx := range c.ended() {
			a, key := c.own(), c.key()
			l, witness := a.listen(key), b.listen(key)
			if err := a.closeWith(ctx); err != nil && !errors.Is(err, ctx.Err()) {
				c.fatal("nil, or the context's error", outcome(err))
			}
			a.shutOut(key)
			b.publish(key, "late")
			witness.bodies("late")
			witness.nothing(b)
			breathe() // so that it is heard
			l.atMost(0, "its handle was closed before anything was published")
		}
	},
}, {
	name:    "closing/given-up",
	numbers: []int{33},
	promise: "A Close whose context ends, since a handler is running, has closed the broker: no other call of a handler begins, calls fail with ErrClosed, and nothing is left when that handler has returned.",
	breaks:  "An instance that can't wait any longer would go on hearing messages after it has shut down.",
	closes:  true,
	check: func(c *trial) {
		busy, idle := c.key(), c.key()
		c.closeInVain(busy, idle)
		before := c.settled() // also what the store begins for its rooms
		c.closeInVain(busy, idle)
		c.fewer("after a handle is closed", before)
	},
}}

// closeInVain closes a handle while a handler is running, in the room busy.
func (c *trial) closeInVain(busy, idle broker.Key) {
	a, b := c.own(), c.own()
	stuck, silent, witness := a.listenStuck(busy), a.listen(idle), b.listen(busy)
	defer stuck.release()
	stuck.stick(b, "stuck")
	b.publish(busy, "queued")
	ctx, cancel := context.WithTimeout(c.ctx, 20*time.Millisecond)
	defer cancel()
	if err := a.closeWith(ctx); !errors.Is(err, context.DeadlineExceeded) {
		c.fatal("the context's error, since a handler is running", outcome(err))
	}
	a.shutOut(busy)
	b.publish(idle, "late")
	b.publish(busy, "late")
	stuck.release()
	witness.bodies("stuck", "queued", "late")
	breathe() // so that it is heard
	witness.nothing(b)
	silent.atMost(0, "its handle was closed before anything was published")
	stuck.atMost(1, "its handle was closed in the first")
	a.shut()
	b.shut()
}
