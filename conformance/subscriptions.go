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
		all[0].nothing(a, all[1:]...)
	},
}, {
	name:    "subscriptions/nothing-from-before",
	numbers: []int{24},
	promise: "No message that was committed before Subscribe was called arrives.",
	breaks:  "A client would be told what happened before it came, and take it for new.",
	check: func(c *trial) {
		a, b, other := c.open(), c.open(), c.open()
		var before []string // so many that some are on their way when Subscribe is called
		for n := range 40 {
			before = append(before, fmt.Sprintf("before %d", n+1))
		}
		for range c.few(20) {
			key := c.key()
			a.listen(key) // so that the handle hears the room already
			other.publish(key, before...)
			here, there := a.listen(key), b.listen(key)
			other.publish(key, "after")
			here.bodies("after")
			there.bodies("after")
			here.nothing(other, there)
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
		here.nothing(b, there)
	},
}, {
	name:    "subscriptions/many-of-one-room",
	numbers: []int{25},
	promise: "A handle has many subscriptions of one room, and each gets its messages.",
	breaks:  "Whatever subscribes beside the room's own members would be deaf once there is much of it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		var all []*listener
		for range 20 {
			all = append(all, a.listen(key))
		}
		for _, body := range []string{"1", "2"} {
			b.publish(key, body)
			for _, l := range all {
				l.bodies(body)
			}
		}
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
