package conformance

import "fmt"

// gapRules are about where the gap after an outage stands, and how many there are.
var gapRules = []rule{{
	name:    "connections/gap-in-its-place",
	numbers: []int{27},
	promise: "If a connection breaks while a handler is busy and messages wait for it, the gap is called after those, and before what comes later.",
	breaks:  "A busy room would look at the store too early, and not when it is due: what was lost would stay lost.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		busy, witness := b.listenStuck(key), b.listen(key)
		defer busy.release()
		busy.stick(a, "0")
		a.publish(key, "1", "2", "3")
		witness.bodies("0", "1", "2", "3")
		b.outage(func() { a.publish(key, "perhaps lost", "and this") })
		witness.recovers(a)
		busy.release()
		busy.recovers(a)
		for _, l := range []*listener{busy.listener, witness} {
			l.accounted()
			l.once()
		}
	},
}, {
	name:    "connections/one-gap",
	numbers: []int{27},
	promise: "An outage is told by one gap, not by one for each attempt to connect.",
	breaks:  "All rooms of an instance would look at the store again and again while it comes back, and hold it down.",
	needs:   []need{needsHoldReconnect},
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.open(), c.own(), c.key()
		l := b.listen(key)
		b.outage(func() { c.pause(c.suite.harness.Patience / 10) })
		l.recovers(a)
		c.pause(pace) // for those that are late
		l.recovers(a)
		const most = 3 // some are allowed, if they have another cause
		if n := l.gaps(); n > most {
			c.fatal(fmt.Sprintf("one gap for one outage, and %d at most", most), fmt.Sprintf("%d", n))
		}
	},
}}
