package conformance

import (
	"fmt"
	"sync/atomic"

	"github.com/spinneyio/est/broker"
)

// deliveryRules are about how a handler is called.
var deliveryRules = []rule{{
	name:    "subscriptions/slow-delays-nobody",
	numbers: []int{26},
	promise: "A handler that doesn't return delays neither commits nor other subscriptions: of its room, of other rooms, of its handle, of other handles.",
	breaks:  "One slow room would hold up all others of its instance, or everybody who speaks in it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		other := c.key()
		slow := a.listenStuck(key)
		defer slow.release()
		here, elsewhere, there := a.listen(key), a.listen(other), b.listen(key)
		slow.stick(b, "stuck")
		here.bodies("stuck")
		there.bodies("stuck")
		want := []string{"stuck"}
		for _, h := range []*handle{a, b, a, b} {
			body := fmt.Sprintf("message %d, of %s", len(want), h.name)
			h.publish(key, body)
			h.publish(other, body)
			here.bodies(body)
			there.bodies(body)
			elsewhere.bodies(body)
			want = append(want, body)
		}
		slow.release()
		for range want {
			slow.message("what it has missed so far")
		}
	},
}, {
	name:    "subscriptions/one-call-at-a-time",
	numbers: []int{26},
	promise: "The handler of a subscription is called one at a time.",
	breaks:  "A room, which handles one message after the other, would handle two at once.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		var inside atomic.Int32
		l := a.listenWith(key, func(event) {
			if n := inside.Add(1); n > 1 {
				c.fail("one call of the handler at a time", fmt.Sprintf("%d at the same time", n))
			}
			breathe() // so that others would have the time to begin
			inside.Add(-1)
		})
		const most = 20
		for n := range most {
			b.publish(key, fmt.Sprint(n))
		}
		for range most {
			l.message("what was published")
		}
	},
}, {
	name:    "subscriptions/fields",
	numbers: []int{16, 21, 23},
	promise: "A message has its position, counted from 1 without holes, its commit's id, and the version that the commit left, which is the receipt's.",
	breaks:  "A room could not tell whether it has missed a message, or whether its state is older than one.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		here, there := a.listen(key), b.listen(key)
		seq := uint64(0)
		for _, commit := range []broker.Commit{
			{Messages: messages("before any value")},
			{Value: put("v")},
			{Value: put("w"), Messages: messages("with a put", "2", "3")},
			{Messages: messages("with the value kept", "2")},
			{Members: []broker.MemberChange{add("m", "data")}, Messages: messages("with a member")},
			{Value: deletion(), Messages: messages("with a delete", "2")},
		} {
			commit.ID = c.writer().next()
			receipt := a.commit(key, commit)
			for _, body := range commit.Messages {
				seq++
				want := broker.Message{
					At: broker.Position{Epoch: receipt.At.Epoch, Seq: seq}, Commit: commit.ID, Version: receipt.Version, Body: body,
				}
				for _, l := range []*listener{here, there} {
					got := l.message(c.show(want))
					c.want("the message that "+l.name+" gets", got, want)
				}
			}
		}
	},
}, {
	name:    "subscriptions/message-implies-state",
	numbers: []int{7, 23},
	promise: "Who has got a message, and loads, by whatever handle, finds its commit or a later one, also if that commit has not been answered yet.",
	breaks:  "Deliver would be run on a state from before the message.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		check := func(e event) {
			if e.gap != nil {
				return
			}
			for _, h := range []*handle{a, b} {
				if r := h.load(key); r.At.Epoch != e.message.At.Epoch || r.At.Seq < e.message.At.Seq {
					c.fatal("a record as new as the message "+c.show(e.message), "the record at "+c.show(r.At))
				}
			}
		}
		guarded := func(e event) { c.guard(func() { check(e) }) }
		here, there := a.listenWith(key, guarded), b.listenWith(key, guarded)
		for n := range c.few(50) {
			body := fmt.Sprint(n)
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: put(body), Messages: messages(body)})
			here.bodies(body)
			there.bodies(body)
		}
	},
}, {
	name:    "subscriptions/one-order",
	numbers: []int{21, 26},
	promise: "All subscriptions of a room get its messages in the order of its commits, whoever commits; those of one commit together, in their order.",
	breaks:  "Two clients would see two different histories.",
	check: func(c *trial) {
		handles := []*handle{c.open(), c.open(), c.open()}
		key := c.key()
		var listeners []*listener
		for _, h := range handles {
			listeners = append(listeners, h.listen(key))
		}
		seq := uint64(0)
		for round := range c.few(30) {
			c.parallel(len(handles), func(i int) {
				handles[i].publish(key, fmt.Sprintf("%d.%d.1", round, i), fmt.Sprintf("%d.%d.2", round, i), fmt.Sprintf("%d.%d.3", round, i))
			})
			var first []broker.Message
			for range 3 * len(handles) {
				seq++
				m := listeners[0].message(fmt.Sprintf("message %d", seq))
				c.want(fmt.Sprintf("the number of the message that %s gets, %s,", listeners[0].name, brief(m.Body)), m.At.Seq, seq)
				first = append(first, m)
			}
			for n := range first {
				if of := first[n/3*3]; first[n].Commit != of.Commit {
					c.fatal("the three messages of "+c.show(of.Commit)+" one after the other", c.show(first[n])+" between them")
				}
				if want := string(first[n/3*3].Body[:len(first[n].Body)-1]) + fmt.Sprint(n%3+1); string(first[n].Body) != want {
					c.fatal("the message "+brief(want), c.show(first[n]))
				}
			}
			for _, l := range listeners[1:] {
				for _, want := range first {
					c.want("the message that "+l.name+" gets", l.message(c.show(want)), want)
				}
			}
		}
	},
}, {
	name:    "subscriptions/calls-in-handlers",
	numbers: []int{30},
	promise: "A handler may call every method: Load, Commit, Subscribe, also to its own room, and Close of its own subscription.",
	breaks:  "A room that acts on what it hears would stand still.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		other, third := c.key(), c.key()
		var nested []*listener
		done := make(chan struct{})
		var begun atomic.Bool // that it is called once is another rule's
		a.listenWith(key, func(e event) {
			if string(e.message.Body) != "go" || begun.Swap(true) {
				return
			}
			defer close(done)
			a.load(key)
			a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("of the handler")})
			a.publish(other, "of the handler")
			nested = append(nested, a.listen(key), a.listen(other))
		})
		b.publish(key, "go")
		c.await(done, "the calls in the handler return")
		for _, l := range nested {
			b.publish(l.key, "after")
			l.bodies("after")
		}

		own, closed := make(chan *listener, 1), make(chan struct{})
		begun.Store(false)
		own <- a.listenWith(third, func(event) {
			if !begun.Swap(true) {
				defer close(closed)
				(<-own).close()
			}
		})
		b.publish(third, "x")
		c.await(closed, "Close of a subscription, called by its handler, returns")
	},
}}
