package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
)

var closingRules = slices.Concat(closeRules, leakRules, givenUpRules)

// closeRules are about Close of a handle.
var closeRules = []rule{{
	name:    "closing/later-calls",
	numbers: []int{33},
	promise: "After Close, Load, Commit and Subscribe fail with ErrClosed, and so do broker.Publish and broker.Update.",
	breaks:  "An instance that shuts down would go on trying for minutes, since it can't tell.",
	closes:  true,
	check: func(c *trial) {
		a, key := c.own(), c.key()
		l := a.listen(key)
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v")})
		a.load(key)
		a.shut()
		l.close()
		a.shutOut(key)
		ctx, cancel := c.bounded()
		defer cancel()
		update := func([]byte, bool) (broker.Change, error) { return put("w"), nil }
		c.failsWith(broker.ErrClosed, "broker.Publish", broker.Publish(ctx, a, key, []byte("x")))
		c.failsWith(broker.ErrClosed, "broker.Update", broker.Update(ctx, a, key, update))
	},
}, {
	name:    "closing/this-handle-only",
	numbers: []int{33},
	promise: "Close closes one handle: calls and subscriptions of others go on, and what was committed stays.",
	breaks:  "When one instance stops, all others would.",
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.own(), c.own(), c.key()
		a.listen(key)
		l := b.listen(key)
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("of A"), Members: []broker.MemberChange{add("m", "of A")}})
		before := b.load(key)
		a.shut()
		c.want("the record", b.load(key), before)
		b.publish(key, "of B")
		l.bodies("of B")
		c.own().publish(key, "of another one")
		l.bodies("of another one")
	},
}, {
	name:    "closing/no-call-after",
	numbers: []int{33},
	promise: "Close ends all subscriptions: no call of a handler begins after it has returned nil.",
	breaks:  "Messages would come for rooms that have been taken down.",
	closes:  true,
	check: func(c *trial) {
		b := c.own()
		for range c.few(20) {
			a, key := c.own(), c.key()
			var closed atomic.Bool
			hear := func(e event) {
				if closed.Load() {
					c.fail("no call of a handler after Close has returned", "the handler is called")
				}
			}
			idle, busy, witness := a.listenWith(c.key(), hear), a.listenStuckWith(key, hear), b.listen(key)
			defer busy.release()
			busy.stick(b, "1")
			b.publish(key, "2", "3", "4")
			witness.bodies("1", "2", "3", "4")
			c.parallel(2, func(i int) {
				if i == 1 {
					breathe() // so that a Close that doesn't wait has returned
					busy.release()
					return
				}
				a.shut()
				closed.Store(true)
			})
			for range 3 {
				b.publish(idle.key, "late")
				b.publish(key, "late")
				witness.bodies("late")
			}
			breathe() // so that it is heard
			idle.atMost(0, "nothing was published before Close")
		}
	},
}, {
	name:    "closing/waits-for-handlers",
	numbers: []int{33},
	promise: "Close waits for handlers that are running, until its context ends; then it returns the context's error, and the broker is closed all the same. So a handler that calls it comes back.",
	breaks:  "A shutdown would pull the ground from under what is running; or one handler that doesn't end would hold it up for ever.",
	closes:  true,
	check: func(c *trial) {
		b := c.own()
		const soon = 20 * time.Millisecond

		a, busy := c.busy(b)
		defer busy.release()
		c.within("Close returns when its context ends", func() {
			ctx, cancel := context.WithTimeout(c.ctx, soon)
			defer cancel()
			if err := a.closeWith(ctx); !errors.Is(err, context.DeadlineExceeded) {
				c.fatal("the context's error, since a handler is running", outcome(err))
			}
		})
		a.shutOut(busy.key)

		a, busy = c.busy(b)
		defer busy.release()
		a.shutBehind(busy, 1)

		a = c.own()
		done := make(chan struct{})
		var begun atomic.Bool // that it is called once is another rule's
		l := a.listenWith(c.key(), func(event) {
			if begun.Swap(true) {
				return
			}
			defer close(done)
			ctx, cancel := context.WithTimeout(c.ctx, soon)
			defer cancel()
			if err := a.closeWith(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				c.fail("nil, or the context's error, of Close in a handler", outcome(err))
			}
		})
		b.publish(l.key, "x")
		c.await(done, "Close in a handler returns when its context ends")
	},
}, {
	name:    "closing/twice",
	numbers: []int{33},
	promise: "Close may be called again, and by several at once: each waits for what is running, and returns nil.",
	breaks:  "A shutdown that is begun on two ways would panic, or end too early.",
	closes:  true,
	check: func(c *trial) {
		b := c.own()
		a, busy := c.busy(b)
		defer busy.release()
		a.shutBehind(busy, 3)
		a.shut()
	},
}, {
	name:    "closing/calls-under-way",
	numbers: []int{32, 33},
	promise: "Calls that are under way when Close comes end: with success, or with ErrClosed. What was answered as committed is there.",
	breaks:  "A shutdown would hang, or acknowledge what is lost.",
	closes:  true,
	check: func(c *trial) {
		b := c.own()
		for range c.few(20) {
			a, key := c.own(), c.key()
			began := time.Now()
			var mu sync.Mutex // protects answered and open
			var answered, unanswered []broker.Commit
			var closed atomic.Bool
			const clients = 3
			c.parallel(3*clients+1, func(i int) {
				if i == 3*clients {
					breathe() // so that they begin
					a.shut()
					closed.Store(true)
					return
				}
				w := c.writer()
				for err := error(nil); err == nil; {
					late := closed.Load()
					ctx, cancel := c.bounded()
					call := []string{"Commit", "Load", "Subscribe"}[i/clients]
					switch call {
					case "Commit":
						id := w.next()
						commit := broker.Commit{ID: id, Members: []broker.MemberChange{add(fmt.Sprintf("%d.%d", i, id.N), "")}}
						_, err = a.Commit(ctx, key, commit)
						mu.Lock()
						if err == nil {
							answered = append(answered, commit)
						} else {
							unanswered = append(unanswered, commit)
						}
						mu.Unlock()
					case "Load":
						_, err = a.Load(ctx, key, false)
					case "Subscribe":
						var sub broker.Subscription
						if sub, err = a.Subscribe(ctx, key, deaf); err == nil {
							_ = sub.Close(ctx) // it may come after Close of the handle
						}
					}
					cancel()
					if err != nil && !errors.Is(err, broker.ErrClosed) {
						c.fatal(fmt.Sprintf("%s.%s, when Close of the handle comes, succeeds or fails with ErrClosed", a.name, call), outcome(err))
					}
					if err == nil && late {
						c.fatal(fmt.Sprintf("%s.%s fails with ErrClosed after Close has returned", a.name, call), outcome(err))
					}
					time.Sleep(time.Duration(i+1) * 10 * time.Microsecond)
				}
			})
			c.note("%d commits were answered, %d were not", len(answered), len(unanswered))
			there := b.load(key).Members
			for _, commit := range answered {
				if !slices.ContainsFunc(there, func(m broker.Member) bool { return m.ID == commit.Members[0].ID }) {
					c.fatal("what was answered as committed is there", "member "+brief(commit.Members[0].ID)+" isn't")
				}
			}
			for _, commit := range unanswered {
				b.commit(key, commit)
			}
			c.retained(began)
			c.want("the number of members, all commits sent again", len(b.load(key).Members), len(answered)+len(unanswered))
		}
	},
}}

// shutBehind closes h, by several calls at once, while a handler is stuck, which is
// released then: before that none may return.
func (h *handle) shutBehind(busy *stuck, calls int) {
	var released atomic.Bool
	h.c.parallel(calls+1, func(i int) {
		if i == calls {
			breathe() // so that a Close that doesn't wait has returned
			released.Store(true)
			busy.release()
			return
		}
		h.shut()
		if !released.Load() {
			h.c.fatal("Close waits for the handler that is running", "it returned nil before")
		}
	})
}
