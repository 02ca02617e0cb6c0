package conformance

import (
	"fmt"
	"slices"
)

var subscriptionRules = slices.Concat(subscribeRules, deliveryRules, unsubscribeRules)

// subscribeRules are about what a subscription gets.
var subscribeRules = []rule{{
	name:    "subscriptions/established",
	numbers: []int{24},
	promise: "A subscription is established when Subscribe returns: what any instance commits from then on arrives, also if many subscribe at once.",
	breaks:  "A connection subscribes first and then joins, and would miss what is said right after its join.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		for range c.few(50) {
			c.parallel(4, func(int) {
				key := c.key()
				l := a.listen(key)
				b.publish(key, "at once")
				l.bodies("at once")
				l.close()
			})
		}
	},
}, {
	name:    "subscriptions/established-together",
	numbers: []int{24},
	promise: "So is each of several that subscribe to the same key at the same handle at once, and one that comes later.",
	breaks:  "The second one in a room would come back before the store knows of the first, and miss what is said.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		for range c.few(50) {
			key := c.key()
			c.parallel(4, func(i int) {
				l := a.listen(key)
				body := fmt.Sprintf("after subscription %d", i)
				b.publish(key, body)
				l.until(body)
			})
			later := a.listen(key)
			b.publish(key, "later")
			later.until("later")
		}
	},
}, {
	name:    "subscriptions/nothing-from-before",
	numbers: []int{24},
	promise: "No message that was committed before Subscribe was called arrives.",
	breaks:  "A client would be told what happened before it came, and take it for new.",
	check: func(c *trial) {
		a, b, other := c.open(), c.open(), c.open()
		for range c.few(20) {
			key := c.key()
			a.listen(key) // so that the handle hears the room already
			other.publish(key, "before 1", "before 2")
			here, there := a.listen(key), b.listen(key)
			other.publish(key, "after")
			here.bodies("after")
			there.bodies("after")
			here.nothing(other)
			there.bodies("barrier", "second barrier")
		}
	},
}, {
	name:    "subscriptions/each-once",
	numbers: []int{25},
	promise: "Each subscription gets each message once, by whatever instance it was committed, also by its own; two subscriptions of one room are two.",
	breaks:  "Clients of an instance would miss what others of that instance say, or get it twice.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		all := []*listener{a.listen(key), a.listen(key), b.listen(key), b.listen(key)}
		for n, h := range []*handle{a, b, b, a} {
			body := fmt.Sprintf("message %d, of %s", n+1, h.name)
			h.publish(key, body)
			for _, l := range all {
				l.bodies(body)
			}
		}
		b.publish(key, "last")
		for _, l := range all {
			l.bodies("last")
		}
		all[0].nothing(a)
		for _, l := range all[1:] {
			l.bodies("barrier", "second barrier")
		}
	},
}, {
	name:    "subscriptions/equal-bodies",
	numbers: []int{25},
	promise: "Messages with equal bodies are as many messages, in one commit and in several; so are empty ones.",
	breaks:  "Who says \"yes\" twice would be heard once.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		here, there := a.listen(key), b.listen(key)
		for _, body := range []string{"yes", ""} {
			a.publish(key, body, body)
			a.publish(key, body)
			b.publish(key, body)
			for _, l := range []*listener{here, there} {
				l.bodies(body, body, body, body)
			}
		}
		here.nothing(b)
	},
}, {
	name:    "subscriptions/many-rooms",
	numbers: []int{24, 25},
	promise: "A handle has many subscriptions at the same time, and each gets the messages of its room and no others.",
	breaks:  "An instance would serve its first rooms, and be deaf in the others.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		rooms := make([]*listener, max(200, c.few(500)))
		const width = 8
		c.parallel(width, func(i int) {
			for n := i; n < len(rooms); n += width {
				rooms[n] = a.listen(c.key())
			}
		})
		for _, suffix := range []string{"", " again"} {
			c.parallel(width, func(i int) {
				for n := i; n < len(rooms); n += width {
					b.publish(rooms[n].key, rooms[n].key.Room+suffix)
				}
			})
			for _, l := range rooms {
				l.bodies(l.key.Room + suffix)
			}
		}
	},
}}

// unsubscribeRules are about the end of subscriptions.
var unsubscribeRules = []rule{{
	name:    "subscriptions/close-ends-that-one",
	numbers: []int{29},
	promise: "Closing a subscription ends that one: others of the same room go on, at the same handle and elsewhere.",
	breaks:  "When somebody leaves a room, the others would hear nothing any more.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		leaver, stayer, other := a.listen(key), a.listen(key), b.listen(key)
		leaver.close()
		for _, h := range []*handle{b, a} {
			h.publish(key, "of "+h.name)
			stayer.bodies("of " + h.name)
			other.bodies("of " + h.name)
		}
	},
}, {
	name:    "subscriptions/close-twice",
	numbers: []int{29},
	promise: "Closing a subscription again does nothing.",
	breaks:  "One that is closed on two ways would take another one with it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		leaver, stayer := a.listen(key), a.listen(key)
		leaver.close()
		leaver.close()
		b.publish(key, "after")
		stayer.bodies("after")
		leaver.close()
		b.publish(key, "last")
		stayer.bodies("last")
	},
}, {
	name:    "subscriptions/closed-is-silent",
	numbers: []int{29},
	promise: "After Close has returned no call of the handler follows the one that is under way: neither for what waits in a queue, nor for what is committed later.",
	breaks:  "Messages would come for a room whose members have all left, and whose memory is gone.",
	check: func(c *trial) {
		a, b := c.open(), c.open()
		for range c.few(20) {
			key := c.key()
			idle, witness, busy := a.listen(key), a.listen(key), a.listenStuck(key)
			defer busy.release()
			idle.close()
			busy.stick(b, "1")
			b.publish(key, "2", "3", "4")
			witness.bodies("1", "2", "3", "4")
			busy.close()
			b.publish(key, "late")
			busy.release()
			witness.bodies("late")
			witness.nothing(b)
			breathe() // so that it is heard
			idle.atMost(0, "it was closed before anything was published")
			busy.atMost(1, "it was closed in the first")
		}
	},
}, {
	name:    "subscriptions/churn",
	numbers: []int{24, 29},
	promise: "A room that is subscribed to, left and subscribed to again, by many at once, is heard by each of them: also if its last subscription is closed while another one begins.",
	breaks:  "A client that loads its page again would be deaf.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		for round := range c.few(50) {
			c.parallel(4, func(i int) {
				for again := range 2 {
					l := a.listen(key)
					body := fmt.Sprintf("round %d, subscription %d.%d", round, i, again)
					b.publish(key, body)
					l.until(body)
					l.close()
				}
			})
		}
		l := a.listen(key)
		b.publish(key, "after it all")
		l.bodies("after it all")
	},
}, {
	name:    "subscriptions/unsubscribed",
	numbers: []int{29},
	promise: "A subscription that is closed is gone from the store too, and so is a room's when its last one is.",
	breaks:  "An instance would be sent the messages of all rooms that it has ever served.",
	needs:   []need{needsSubscriptions},
	alone:   true, // it counts what others would add
	check: func(c *trial) {
		a, b := c.open(), c.open()
		before := c.subscriptions()
		for range c.few(20) {
			key := c.key()
			listeners := []*listener{a.listen(key), a.listen(key), b.listen(key)}
			b.publish(key, "x")
			for _, l := range listeners {
				l.bodies("x")
				l.close()
			}
		}
		c.unsubscribed(before)
	},
}}
