package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
)

var contextRules = []rule{{
	name:    "contexts/error",
	numbers: []int{31},
	promise: "If the context has ended before a Load, Commit or Subscribe, the error wraps the context's.",
	breaks:  "A client that has gone would look like a store that fails.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		for _, ctx := range c.ended() {
			c.note("the context of these calls has ended: %v", ctx.Err())
			a.callsFail(ctx, key, ctx.Err())
		}
	},
}, {
	name:    "contexts/ended-commit",
	numbers: []int{31},
	promise: "A commit whose context has ended before has no effect: nothing is applied or published, and its number is unused.",
	breaks:  "What a client gave up would happen all the same, or what it does instead would be taken for done.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("before")})
		before, l := a.load(key), b.listen(key)
		for _, ctx := range c.ended() {
			id := c.writer().next()
			_, err := a.Commit(ctx, key, broker.Commit{
				ID: id, Value: put("never"), Members: []broker.MemberChange{add("m", "never")}, Messages: messages("never"),
			})
			c.note("A commits with a context that has ended → %s", outcome(err))
			c.want("the record", b.load(key), before)
			a.commit(key, broker.Commit{ID: id, Messages: messages("instead")})
			l.bodies("instead")
			before = b.load(key)
		}
		l.nothing(b)
	},
}, {
	name:    "contexts/ended-subscribe",
	numbers: []int{31},
	promise: "A Subscribe whose context has ended before makes no subscription.",
	breaks:  "It could never be closed.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		for _, ctx := range c.ended() {
			_, err := a.Subscribe(ctx, key, broker.Handler{
				Message: func(m broker.Message) { c.fail("no subscription", "it gets "+c.show(m)) },
				Gap:     func(reason error) { c.fail("no subscription", fmt.Sprintf("it gets a gap: %v", reason)) },
			})
			c.note("A subscribes with a context that has ended → %s", outcome(err))
		}
		witness := a.listen(key)
		b.publish(key, "x")
		witness.bodies("x")
		breathe() // so that it is heard
		witness.nothing(b)
	},
}, {
	name:    "contexts/given-up-subscribe",
	numbers: []int{24, 31},
	promise: "A Subscribe whose context ends meanwhile, so that it returns an error, leaves no subscription behind: its handler is not called for what is committed later.",
	breaks:  "Messages would come for a room that nobody has entered; and nobody could stop them.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		witness := a.listen(key)
		for n := range c.few(50) {
			ctx, cancel := context.WithTimeout(c.ctx, time.Duration(c.rand.Int64N(1<<c.rand.IntN(24)))) // up to 17 ms, mostly less
			var gone atomic.Bool
			sub, err := a.Subscribe(ctx, key, broker.Handler{
				Message: func(m broker.Message) {
					if gone.Load() {
						c.fail("no call of the handler", "it gets "+c.show(m))
					}
				},
				Gap: func(error) {},
			})
			cancel()
			c.note("A subscribes with a context that ends soon → %s", outcome(err))
			if err == nil {
				_ = sub.Close(c.ctx) // there are rules about that
			}
			gone.Store(true)
			body := fmt.Sprint(n)
			b.publish(key, body)
			witness.bodies(body)
		}
		breathe() // so that it is heard
		witness.nothing(b)
	},
}, {
	name:    "contexts/ended-close",
	numbers: []int{29, 31},
	promise: "Close of a subscription ends it also if the context has ended before.",
	breaks:  "Who leaves a room because its context has ended would go on hearing it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		witness := a.listen(key)
		for _, ctx := range c.ended() {
			l := a.listen(key)
			err := l.sub.Close(ctx)
			c.note("%s is closed with a context that has ended → %s", l.name, outcome(err))
			witness.nothing(b)
			breathe() // so that it is heard
			l.atMost(0, "it was closed before anything was published")
		}
	},
}, {
	name:    "contexts/subscription-stays",
	numbers: []int{31},
	promise: "The context of Subscribe bounds that call, and not the subscription: neither its end nor its deadline ends that.",
	breaks:  "A room would be deaf some seconds after it was entered.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		heard := make(chan string, 10)
		ctx, cancel := c.subscribeFor(a, key, broker.Handler{
			Message: func(m broker.Message) { heard <- string(m.Body) },
			Gap:     func(reason error) { c.fail("messages", fmt.Sprintf("gap: %v", reason)) },
		})
		defer cancel()
		for _, body := range []string{"after the deadline", "later"} {
			<-ctx.Done()
			breathe() // for what its end sets off
			b.publish(key, body)
			select {
			case got := <-heard:
				c.want("the message", got, body)
			case <-time.After(c.suite.harness.Patience):
				c.fatal("the message "+brief(body), fmt.Sprintf("nothing came in %v", c.suite.harness.Patience))
			}
		}
	},
}, {
	name:    "contexts/whole-or-not",
	numbers: []int{9, 15, 31, 32},
	promise: "A commit whose context ends meanwhile is applied whole or not at all; sent again it is applied once, and answered.",
	breaks:  "Whoever gives up in a crowd would leave a state without its messages, or be counted twice.",
	check: func(c *trial) {
		const clients = 4
		handles := []*handle{c.open(), c.open()}
		key := c.key()
		l := handles[1].listen(key)
		var writers []*writer
		for range clients {
			writers = append(writers, c.writer())
		}
		for round := range c.few(100) {
			began := time.Now()
			var patience [clients]time.Duration
			for i := range patience {
				patience[i] = time.Duration(c.rand.Int64N(1 << c.rand.IntN(24))) // up to 17 ms, mostly less
			}
			before := handles[0].load(key)
			c.parallel(clients, func(i int) {
				id, h := writers[i].next(), handles[i%2]
				name := fmt.Sprintf("round %d, client %d", round, i)
				commit := broker.Commit{ID: id, Value: put(name), Members: []broker.MemberChange{add(name, "")}, Messages: messages(name)}
				ctx, cancel := context.WithTimeout(c.ctx, patience[i])
				defer cancel()
				_, err := h.tryUntil(ctx, key, commit)
				if err != nil {
					_, err = h.try(key, commit)
					c.retained(began)
					if err != nil {
						c.fatal("the commit that was sent again is answered", outcome(err))
					}
				}
			})
			seen := map[string]bool{}
			for range clients {
				m := l.message("a message of each client in this round")
				if seen[string(m.Body)] {
					c.fatal("each message once", c.show(m)+" again")
				}
				seen[string(m.Body)] = true
			}
			after := handles[0].load(key)
			c.want("the number of members", len(after.Members), len(before.Members)+clients)
			c.want("the position's number", after.At.Seq, before.At.Seq+clients)
		}
		l.nothing(handles[0])
	},
}}

// ended returns contexts that have ended, for either reason.
func (c *trial) ended() []context.Context {
	canceled, cancel := context.WithCancel(c.ctx)
	cancel()
	expired, cancel := context.WithDeadline(c.ctx, time.Now().Add(-time.Second))
	cancel()
	return []context.Context{canceled, expired}
}

// subscribeFor subscribes with a context that ends soon after, by its deadline.
func (c *trial) subscribeFor(h *handle, key broker.Key, handler broker.Handler) (context.Context, context.CancelFunc) {
	for soon := 20 * time.Millisecond; ; soon *= 2 {
		ctx, cancel := context.WithTimeout(c.ctx, soon)
		_, err := h.Subscribe(ctx, key, handler)
		c.note("%s subscribes with a context that ends in %v → %s", h.name, soon, outcome(err))
		if err == nil {
			return ctx, cancel
		}
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || soon > c.suite.harness.Patience {
			c.fatal("Subscribe returns a subscription", outcome(err))
		}
	}
}
