package conformance

import "fmt"

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
	name:    "subscriptions/close-at-once",
	numbers: []int{29},
	promise: "A subscription may be closed by several at once: none of them gets an error, and others of the same room go on.",
	breaks:  "When a room's last member leaves while the instance shuts down, it would panic, or another room would fall silent.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		stayer := a.listen(key)
		for n := range c.few(20) {
			leaver := a.listen(key)
			c.parallel(4, func(int) { leaver.close() })
			body := fmt.Sprintf("after %d", n)
			b.publish(key, body)
			stayer.bodies(body)
		}
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
