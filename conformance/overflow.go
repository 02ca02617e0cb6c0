package conformance

import (
	"fmt"

	"github.com/spinneyio/est/broker"
)

var overflowRules = []rule{{
	name:    "overflow/harms-nobody",
	numbers: []int{26, 27},
	promise: "However many messages wait for a handler that doesn't return, commits are answered, and all other subscriptions get each message, without a gap.",
	breaks:  "One slow client would stop its room, or cost everybody in it a look at the store again and again.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		slow := a.listenStuck(key)
		defer slow.release()
		here, there := a.listen(key), b.listen(key)
		slow.stick(b, "0")
		here.bodies("0")
		there.bodies("0")
		c.flood(b, key, here, there)
	},
}, {
	name:    "overflow/gap-before-later",
	numbers: []int{27},
	promise: "What overflows a queue is told by a gap: after all that came before the loss, and before anything that comes after it.",
	breaks:  "A client would miss messages and never know.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		slow := c.overflow(a, b, key)
		b.publish(key, "after the overflow")
		if !slow.follow("after the overflow") {
			b.publish(key, "after the gap")
			slow.follow("after the gap")
		}
	},
}, {
	name:    "overflow/gap-without-more",
	numbers: []int{27},
	promise: "The gap comes also if nothing is published any more.",
	breaks:  "The last thing that was said would be missing for as long as everybody is silent.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		c.overflow(a, b, key).follow(lastOfFlood)
	},
}, {
	name:    "overflow/one-gap",
	numbers: []int{27},
	promise: "A gap is told once for each time that messages are lost, not once for each message.",
	breaks:  "Who was slow already would have to look at the store a thousand times.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		slow := c.overflow(a, b, key)
		if slow.follow(lastOfFlood) {
			return // all have come
		}
		b.publish(key, "after the gap")
		more := 0
		for !slow.follow("after the gap") {
			if more++; more > 3 { // others are allowed, if they have another cause
				c.fatal("one gap for one overflow", fmt.Sprintf("%d more", more))
			}
		}
	},
}, {
	name:    "overflow/works-in-the-gap",
	numbers: []int{28, 30},
	promise: "When Gap is called the subscription works again: what is committed from then on arrives, or another gap follows; and Gap may call every method. So who loads the position in Gap misses nothing.",
	breaks:  "A room that has caught up in Gap would miss what was said while it did, and never know.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		w := c.writer()
		inGap := 0
		slow := c.overflowWith(a, b, key, func(e event) {
			if e.gap == nil || inGap == 3 {
				return
			}
			inGap++
			c.guard(func() {
				a.load(key)
				b.commit(key, broker.Commit{ID: w.next(), Messages: messages("in the gap")})
				breathe() // so that it comes while Gap is running
			})
		})
		if slow.follow(lastOfFlood) {
			return // all have come
		}
		for !slow.follow("in the gap") {
		}
	},
}}

// lastOfFlood is the last message that flood publishes.
const lastOfFlood = "last of the flood"

// flood publishes more messages than may wait for a handler, and goes on only
// when the witnesses have got them.
func (c *trial) flood(h *handle, key broker.Key, witnesses ...*listener) {
	// More than the queue: a broker may have read some, and hold them elsewhere.
	n := 4*c.suite.harness.Limits.Queue + 50
	if c.suite.harness.Limits.Queue == 0 {
		n = 500
	}
	const most = 20 // at a time, for the witnesses' sake
	for sent := 0; sent < n; {
		var bodies []string
		for len(bodies) < most && sent < n {
			sent++
			bodies = append(bodies, fmt.Sprintf("flood %d", sent))
		}
		if sent == n {
			bodies[len(bodies)-1] = lastOfFlood
		}
		h.publish(key, bodies...)
		for _, l := range witnesses {
			l.bodies(bodies...)
		}
		breathe() // so that it comes to the queue of who is stuck, too
	}
}

// flooded is a listener that was stuck while more was published than its queue
// holds, and is so no more.
type flooded struct {
	*stuck
	at  broker.Position // of the last message
	gap bool            // the last event was a gap
	any bool            // there has been one
}

func (c *trial) overflow(a, b *handle, key broker.Key) *flooded {
	return c.overflowWith(a, b, key, nil)
}

// overflowWith makes a's subscription to key overflow by what b publishes. Its
// handler also calls also.
func (c *trial) overflowWith(a, b *handle, key broker.Key, also func(event)) *flooded {
	slow := a.listenStuckWith(key, also)
	defer slow.release()
	witness := a.listen(key)
	slow.stick(b, "0")
	witness.bodies("0")
	c.flood(b, key, witness)
	c.note("%s is stuck no more", slow.name)
	slow.release()
	breathe() // so that it gets what has waited
	return &flooded{stuck: slow}
}

// follow goes on to this message, which it returns true for, or to a gap. On the
// way there no message may be missing, unless a gap comes before the next one.
func (f *flooded) follow(body string) bool {
	for {
		e := f.gets(fmt.Sprintf("the message %s, or a gap, after what came at %s", brief(body), f.c.show(f.at)))
		if e.gap != nil {
			f.gap, f.any = true, true
			return false
		}
		next := f.at.Seq + 1
		if at := e.message.At.Seq; at < next || at > next && !f.gap {
			f.c.fatal(fmt.Sprintf("%s gets message %d, or a gap", f.name, next), f.c.show(e.message))
		}
		f.at, f.gap = e.message.At, false
		if string(e.message.Body) == body {
			f.mustGap(body)
			return true
		}
	}
}

// mustGap gives up if all have come although the queue can't have held them.
func (f *flooded) mustGap(body string) {
	if f.c.suite.harness.Limits.Queue > 0 && !f.any {
		f.c.fatal(fmt.Sprintf("%s gets a gap, since Limits.Queue is %d", f.name, f.c.suite.harness.Limits.Queue), "all messages have come, up to "+brief(body))
	}
}
