package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spinneyio/est/broker"
)

var hangingRules = []rule{{
	name:    "connections/lost-reply",
	numbers: []int{15, 32},
	promise: "A commit whose answer is lost is applied once, whatever is done about it: sent again by any handle, and however much was committed since, it gets the same receipt.",
	breaks:  "A move would be made twice; or the one who made it would be told that another was faster.",
	needs:   []need{needsLoseReply},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := a.listen(key)
		first := b.commit(key, broker.Commit{ID: c.writer().next(), Value: put("first")})
		commit := broker.Commit{
			ID: c.writer().next(), Expect: &first.Version, Value: put("second"),
			Members: []broker.MemberChange{add("m", "data")}, Messages: messages("second"),
		}
		start := time.Now()
		b.loseReply()
		receipt, err := b.try(key, commit)
		c.retained(start)
		if definite(err) {
			c.fatal("a receipt, or an error that leaves open whether the commit was applied", outcome(err))
		}
		again := b.settled(key, commit)
		c.retained(start)
		if err == nil {
			c.want("the receipt, when it is sent again", again, receipt)
		}
		c.want("the record", a.load(key), broker.Record{
			Value: []byte("second"), Version: again.Version, At: broker.Position{Epoch: first.At.Epoch, Seq: 1},
			Members: []broker.Member{{ID: "m", Data: []byte("data")}},
		})
		for range c.some(200, start) {
			a.commit(key, broker.Commit{ID: c.writer().next(), Members: []broker.MemberChange{require("m")}})
		}
		for _, h := range []*handle{a, b, c.own()} {
			got := h.settled(key, commit)
			c.retained(start)
			c.want("the receipt by "+h.name+", after other commits", got, again)
		}
		l.bodies("second")
		l.nothing(a)
	},
}, {
	name:    "connections/cancel-while-hanging",
	numbers: []int{31},
	promise: "If the store hangs, every call returns at once when its context ends, with an error that wraps the context's.",
	breaks:  "A connection's event would hold up its room until a timeout of the network, and patience and shutdown would mean nothing.",
	needs:   []need{needsBlackHole},
	closes:  true,
	check: func(c *trial) {
		b, l, heal := c.hanging()
		defer heal()
		calls := b.calls(c.key())
		c.parallel(2*len(calls), func(i int) {
			calls[i/2].ends(c, i%2 == 0)
		})
		ctx, cancel := context.WithTimeout(c.ctx, hangTime)
		defer cancel()
		start := time.Now()
		err := l.sub.Close(ctx)
		c.note("%s is closed%s", l.name, suffix(err))
		c.soon("Close of a subscription", start.Add(hangTime))
	},
}, {
	name:    "connections/dead-connection-noticed",
	numbers: []int{27, 28},
	promise: "A connection that is dead without an error is noticed, though nothing is done by the caller: the subscription gets its gap and hears later messages, and calls are answered again.",
	breaks:  "After a cable was pulled, or a firewall has forgotten a connection, an instance would look well and be deaf.",
	needs:   []need{needsBlackHole},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		a.publish(key, "before")
		l.bodies("before")
		b.hang(key, func() { a.publish(key, "perhaps lost") })
		l.recovers(a)
		l.accounted()
		l.once()
		b.reload(key)
		b.settled(key, broker.Commit{ID: c.writer().next(), Value: put("works")})
	},
}, {
	name:    "connections/close-while-hanging",
	numbers: []int{33},
	promise: "If the store hangs, Close returns when its context ends at the latest, and makes calls that are under way fail with ErrClosed.",
	breaks:  "When the store is down, an instance could not be stopped but by a kill.",
	needs:   []need{needsBlackHole},
	closes:  true,
	check: func(c *trial) {
		b, _, heal := c.hanging()
		defer heal()
		calls := b.calls(c.key())
		begun := make(chan time.Time, len(calls)) // when Close was called
		c.parallel(len(calls)+1, func(i int) {
			if i < len(calls) {
				calls[i].closes(c, begun)
				return
			}
			c.pause(hangTime) // till they hang
			ctx, cancel := context.WithTimeout(c.ctx, hangTime)
			defer cancel()
			start := time.Now()
			for range calls {
				begun <- start
			}
			err := b.Close(ctx)
			c.note("%s.Close returns%s", b.name, suffix(err))
			c.soon("Close", start.Add(hangTime))
		})
	},
}, {
	name:    "connections/no-goroutine-left",
	numbers: []int{33},
	promise: "Close leaves no goroutine behind, also after connections broke, hung, and were made again: no more are left than by a handle whose connections lived on.",
	breaks:  "An instance would leak with each hiccup of the network, and die of it at night.",
	needs:   []need{needsCut},
	closes:  true,
	check: func(c *trial) {
		key := c.key()
		before := c.kept(key)
		a, b := c.own(), c.own()
		l := b.listen(key)
		for range 2 {
			b.cut()
			l.recovers(a)
			if c.suite.harness.Faults.BlackHole != nil {
				b.hang(key, func() {})
				l.recovers(a)
			}
		}
		a.shut()
		b.shut()
		c.fewer("after handles are closed", before)
	},
}}

// hangTime is for how long calls are left to hang.
const hangTime = 200 * time.Millisecond

// hanging returns a handle in a black hole, which has subscribed and committed before.
func (c *trial) hanging() (h *handle, l *listener, heal func()) {
	h = c.own()
	l = h.listen(c.key())
	h.commit(l.key, broker.Commit{ID: c.writer().next(), Value: put("value")})
	return h, l, h.blackHole()
}

// hang lets a call of h hang, in a black hole in which meanwhile is done.
func (h *handle) hang(key broker.Key, meanwhile func()) {
	heal := h.blackHole()
	defer heal()
	meanwhile()
	ctx, cancel := context.WithTimeout(h.c.ctx, hangTime)
	defer cancel()
	r, err := h.Load(ctx, key, true)
	h.c.tell(step{handle: h, verb: "Load", key: key, record: &r, err: err})
}

// ends makes the call to a store that hangs, with a context that is cancelled or
// has a deadline.
func (x method) ends(c *trial, cancelled bool) {
	ctx, cancel := context.WithCancel(c.ctx)
	how := "cancelled"
	if !cancelled {
		ctx, cancel = context.WithTimeout(c.ctx, hangTime)
		how = "at its deadline"
	}
	defer cancel()
	c.note("%s is called, with a context that is %s in %v", x.name, how, hangTime)
	start := time.Now()
	if cancelled {
		timer := time.AfterFunc(hangTime, cancel)
		defer timer.Stop()
	}
	err := x.do(ctx)
	c.note("%s returns after %v%s", x.name, time.Since(start).Round(time.Millisecond), suffix(err))
	c.soon(x.name, start.Add(hangTime))
	switch {
	case err == nil:
		c.fatal(x.name+" fails, since the store can't have answered", "no error")
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		c.fatal(fmt.Sprintf("%s's error wraps %q", x.name, ctx.Err()), outcome(err))
	}
}

// closes makes the call to a store that hangs, and expects a Close to end it.
func (x method) closes(c *trial, begun <-chan time.Time) {
	ctx, cancel := c.bounded()
	defer cancel()
	c.note("%s is called", x.name)
	err := x.do(ctx)
	c.note("%s returns%s", x.name, suffix(err))
	returned := time.Now()
	if err == nil {
		c.fatal(x.name+" fails, since the store can't have answered", "no error")
	}
	if closed := <-begun; returned.After(closed) {
		c.soon(x.name, closed.Add(hangTime))
		if !errors.Is(err, broker.ErrClosed) {
			c.fatal(x.name+" fails with ErrClosed, since the broker is being closed", outcome(err))
		}
	}
}

// soon gives up if it is much later than due, when what should have returned.
func (c *trial) soon(what string, due time.Time) {
	if late := time.Since(due); late > promptly {
		c.fatal(fmt.Sprintf("%s returns at once when its context ends, or the broker is closed: in %v at the latest", what, promptly), fmt.Sprintf("it took %v", late.Round(time.Millisecond)))
	}
}
