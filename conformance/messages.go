package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
)

var messageRules = []rule{{
	name:    "messages/any-bytes",
	numbers: []int{2},
	promise: "Messages are any bytes, also none, and come back as they went in.",
	breaks:  "What an application says in its own encoding would be heard as something else.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		l := b.listen(key)
		for _, text := range hostileBytes() {
			a.publish(key, text)
			l.bodies(text)
		}
		a.publish(key, hostileNames[:16]...)
		l.bodies(hostileNames[:16]...)
	},
}, {
	name:    "messages/sizes",
	numbers: []int{4},
	promise: "Messages have any size up to the store's limit.",
	breaks:  "A room would work until somebody has much to say.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		l := b.listen(key)
		for _, size := range c.sizes() {
			a.publish(key, sized(size))
			l.bodies(sized(size))
		}
	},
}, {
	name:    "messages/bytes-stay",
	numbers: []int{3},
	promise: "The bytes of a message that was handed out, or passed in, never change.",
	breaks:  "A message on its way to a slow client would turn into another one.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		first, second := b.listen(key), b.listen(key)
		text := func(n int) string { return strings.Repeat(fmt.Sprintf("%03d.", n), 16) }
		const rounds = 50 // of like sizes, so that a pooled buffer is used again
		var passed, heard [][]byte
		for n := range rounds {
			commit := broker.Commit{ID: c.writer().next(), Messages: messages(text(n))}
			passed = append(passed, commit.Messages[0])
			a.commit(key, commit)
			heard = append(heard, first.message(brief(text(n))).Body, second.message(brief(text(n))).Body)
		}
		for n := range rounds {
			c.want(fmt.Sprintf("message %d as it was passed", n+1), string(passed[n]), text(n))
			c.want(fmt.Sprintf("message %d, looked at later", n+1), string(heard[2*n]), text(n))
			c.want(fmt.Sprintf("message %d, looked at later", n+1), string(heard[2*n+1]), text(n))
		}
	},
}, {
	name:    "messages/too-large",
	numbers: []int{4, 20},
	promise: "A commit with a message over the store's limit is refused with ErrTooLarge, and nothing of it is applied: neither its value nor its other messages.",
	breaks:  "A commit that can never be applied would be tried again and again, or half of it would be applied.",
	needs:   []need{needsValueLimit},
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		l := b.listen(key)
		a.publish(key, "before")
		before := a.load(key)
		over := sized(c.suite.harness.Limits.Value + 1)
		a.refused(key, broker.Commit{ID: c.writer().next(), Value: put("after"), Messages: messages("small", over, "small")}, broker.ErrTooLarge)
		c.want("the record", a.load(key), before)
		l.bodies("before")
		l.nothing(a)
	},
}, {
	name:    "messages/of-refused-commits",
	numbers: []int{9, 20},
	promise: "No subscriber sees a message of a commit that was refused, whatever the reason.",
	breaks:  "Clients would be told of what never happened.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		here, there := a.listen(key), b.listen(key)
		w := c.writer()
		w.n = 10
		a.commit(key, broker.Commit{ID: w.next(), Value: put("v"), Messages: messages("first")})
		for _, commit := range []broker.Commit{
			{ID: w.next(), Expect: expect("")},
			{ID: w.next(), Members: []broker.MemberChange{require("nobody")}},
			{ID: broker.CommitID{Writer: w.id, N: 3}},
			{ID: w.next(), Value: broker.Change{Op: 9}},
		} {
			commit.Messages = messages("never", "ever")
			if _, err := a.try(key, commit); err == nil {
				c.fatal("the commit is refused", outcome(err))
			}
		}
		a.publish(key, "last")
		for _, l := range []*listener{here, there} {
			l.bodies("first", "last")
		}
		here.nothing(b, there)
	},
}, {
	name:    "messages/of-repeated-commits",
	numbers: []int{15},
	promise: "A commit that was applied before publishes nothing, also if it is sent by several at the same time.",
	breaks:  "After a lost answer everybody would hear it twice.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		began := time.Now()
		l := a.listen(key)
		commit := broker.Commit{ID: c.writer().next(), Value: put("v"), Messages: messages("1", "2")}
		a.commit(key, commit)
		_, err1 := a.try(key, commit)
		b.publish(key, "3")
		_, err2 := b.try(key, commit)
		c.retained(began)
		if err1 != nil || err2 != nil {
			c.fatal("the receipt of the first time", outcome(err1)+" and "+outcome(err2))
		}
		l.bodies("1", "2", "3")
		for n := range c.few(10) {
			body := fmt.Sprintf("at once %d", n)
			commit := broker.Commit{ID: c.writer().next(), Value: put(body), Messages: messages(body)}
			c.parallel(4, func(i int) { []*handle{a, b}[i%2].commit(key, commit) })
			l.bodies(body)
		}
		l.nothing(b)
	},
}, {
	name:    "messages/keys-apart",
	numbers: []int{1, 2, 25},
	promise: "Different keys have different messages, whatever bytes they hold; no key is a pattern.",
	breaks:  "What is said in one room would be heard in another.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		keys := c.hostileKeys()
		var listeners []*listener
		for _, key := range keys {
			listeners = append(listeners, a.listen(key))
		}
		for _, key := range keys {
			b.publish(key, longName(key))
		}
		for i, key := range keys {
			listeners[i].bodies(longName(key))
			listeners[i].nothing(b)
		}
	},
}, {
	name:    "messages/in-commit-order",
	numbers: []int{21, 23, 24, 25, 26},
	promise: "Every subscription gets the messages of commits that are made at the same time in the order of the commits, once, with the positions and versions of their receipts.",
	breaks:  "Clients would be told of changes in an order in which they didn't happen, and end up with an older state than the room has.",
	check: func(c *trial) {
		for range c.few(4) {
			h, order := c.contest(true)
			c.right(h.delivered(order))
			c.right(h.versions())
		}
	},
}}
