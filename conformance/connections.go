package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/spinneyio/est/broker"
)

// In these cases A is well, and looks on; what happens to the others' connections
// happens to handles of the case's own. The rules on gaps beyond the
// first ones are in gaps.go, those on calls in hanging.go.

var connectionRules = slices.Concat(outageRules, gapRules, hangingRules)

var outageRules = []rule{{
	name:    "connections/comes-back",
	numbers: []int{25, 27},
	promise: "A subscription whose connection breaks hears messages again, each once, without anything done by the caller.",
	breaks:  "After a hiccup of the network, an instance would be deaf for ever, or answer everything twice.",
	needs:   []need{needsCut},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		for range 3 {
			b.cut()
			l.recovers(a)
			l.recovers(a)
		}
		l.once()
	},
}, {
	name:    "connections/gap-before-later-messages",
	numbers: []int{27},
	promise: "If messages were lost while a connection was broken, Gap is called before any later message.",
	breaks:  "Members would miss messages and nobody would know: their rooms would stay wrong on their screens.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		a.publish(key, "before")
		l.bodies("before")
		b.outage(func() {
			a.publish(key, "perhaps lost", "and this")
			a.publish(key, "and that")
		})
		l.recovers(a)
		l.accounted()
		l.once()
	},
}, {
	name:    "connections/gap-when-nothing-follows",
	numbers: []int{27},
	promise: "If messages were lost while a connection was broken, Gap is called also if no message follows.",
	breaks:  "The last message before a room falls silent would be missed for ever.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		b.outage(func() { a.publish(key, "perhaps lost", "the last") })
		for told := false; !told; {
			e := l.gets("a gap, or what was published meanwhile")
			told = e.gap != nil || string(e.message.Body) == "the last"
		}
		l.accounted()
	},
}, {
	name:    "connections/gap-means-working",
	numbers: []int{28, 30},
	promise: "When Gap is called after a connection broke, the subscription works again: what is committed in Gap arrives, or another gap follows.",
	breaks:  "An instance reads the position in Gap to find out what it has missed: it would miss what comes right after.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		gaps := 0 // of the handler, of which one call is made at a time
		l := b.listenWith(key, func(e event) {
			if e.gap != nil {
				gaps++
				c.guard(func() { a.publish(key, fmt.Sprintf("in gap %d", gaps)) })
			}
		})
		for n := range 3 {
			last := fmt.Sprintf("perhaps lost %d", n)
			b.outage(func() { a.publish(key, last) })
			l.untilTold(last)
		}
	},
}, {
	name:    "connections/nothing-lost-in-a-stream",
	numbers: []int{27, 28},
	promise: "If connections break again and again while messages are published, each message arrives once, or there is a gap in its place.",
	breaks:  "A message that falls into the moment of a reconnect would be missed, and nobody would know.",
	needs:   []need{needsCut},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		for range 5 + c.few(15) {
			b.cut()
			for n := range 4 {
				c.pause(time.Duration(c.rand.Int64N(int64(pace)))) // now before there is a new connection, now after
				a.publish(key, fmt.Sprint(n))
			}
		}
		l.recovers(a)
		l.accounted()
		l.once()
	},
}, {
	name:    "connections/all-rooms-come-back",
	numbers: []int{27},
	promise: "After an outage all subscriptions of a handle work again, and each of them gets its gap.",
	breaks:  "Of an instance's rooms, only those of the first batch would live on.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b := c.open(), c.own()
		var all []*listener
		for range c.few(100) {
			all = append(all, b.listen(c.key()))
		}
		all = append(all, b.listen(all[0].key)) // a second one to a room
		b.outage(func() {
			for _, l := range all {
				a.publish(l.key, "perhaps lost")
			}
		})
		for _, l := range all {
			l.recovers(a)
			l.accounted()
			l.once()
		}
	},
}, {
	name:    "connections/long-outage",
	numbers: []int{27},
	promise: "A handle tries to connect again for as long as it takes.",
	breaks:  "After an outage that outlasts a number of attempts, instances would have to be started again by hand.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		b.outage(func() { c.pause(c.suite.harness.Patience / 5) })
		l.recovers(a)
		b.settled(key, broker.Commit{ID: c.writer().next(), Value: put("works")})
	},
}, {
	name:    "connections/subscribe-during-outage",
	numbers: []int{24, 31},
	promise: "In an outage Subscribe returns with an error, and then its handler is never called; or when the store has confirmed it, and not before.",
	breaks:  "A connection would join a room and miss what is said from then on; or one that was refused would hear it.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b := c.open(), c.own()
		b.listen(c.key())
		var failed *listener
		b.outage(func() { failed = b.failToListen(c.key()) })
		b.relisten(failed.key).recovers(a)
		release := b.hold()
		defer release()
		key := c.key()
		var l *listener
		c.parallel(2, func(i int) {
			if i == 0 {
				c.pause(c.suite.harness.Patience / 100)
				release()
				return
			}
			l = b.relisten(key)
			a.publish(key, "at once")
		})
		if e := l.gets("what was published after Subscribe returned, or a gap"); e.gap == nil {
			c.want("the message", string(e.message.Body), "at once")
		}
		c.want("how often the handler of the Subscribe that failed was called", failed.count(), 0)
	},
}, {
	name:    "connections/commit-during-outage",
	numbers: []int{15, 32},
	promise: "A commit in an outage is answered with an error that leaves its outcome open, and applied once if it is sent again.",
	breaks:  "A client would be told that something has happened that has not; or it would happen twice.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := a.listen(key)
		first := b.commit(key, broker.Commit{ID: c.writer().next(), Value: put("first")})
		commit := broker.Commit{ID: c.writer().next(), Expect: &first.Version, Value: put("second"), Messages: messages("second")}
		b.outage(func() {
			b.failToCommit(key, commit)
			c.want("the record meanwhile", a.load(key), broker.Record{Value: []byte("first"), Version: first.Version, At: first.At})
		})
		receipt := b.settled(key, commit)
		c.want("the record", a.load(key), broker.Record{Value: []byte("second"), Version: receipt.Version, At: broker.Position{Epoch: first.At.Epoch, Seq: 1}})
		c.want("the receipt by A", a.commit(key, commit), receipt)
		l.bodies("second")
		l.nothing(a)
	},
}}
