package conformance

import (
	"fmt"
	"time"

	"github.com/spinneyio/est/broker"
)

var forgettingRules = []rule{{
	name:    "forgetting/not-too-soon",
	numbers: []int{18},
	promise: "Receipts are kept for the retention that the store states, at least, each for its own: also if there is nothing else in the record, and if the record has older ones.",
	breaks:  "A commit that is sent again after an outage would be applied twice.",
	needs:   []need{needsRetention},
	check: func(c *trial) {
		a, b := c.open(), c.open()
		keep := c.suite.harness.Limits.Retention
		older, first, second := c.key(), c.key(), c.key()
		b.commit(older, broker.Commit{ID: c.writer().next()})
		c.pause(keep / 2)
		for _, key := range []broker.Key{first, second} {
			b.commit(key, broker.Commit{ID: c.writer().next()})
		}
		began := time.Now()
		published := broker.Commit{ID: c.writer().next(), Messages: messages("x")}
		deleted := broker.Commit{ID: c.writer().next(), Value: deletion()}
		known := []struct {
			key     broker.Key
			commit  broker.Commit
			receipt broker.Receipt
		}{{key: first, commit: published}, {key: second, commit: deleted}, {key: older, commit: published}}
		for i, k := range known {
			known[i].receipt = a.commit(k.key, k.commit)
		}
		for _, part := range []time.Duration{keep / 2, keep * 4 / 5} {
			c.pause(part - time.Since(began))
			c.elsewhere(b)
			c.parallel(len(known), func(i int) { // in turn, the last might be too late
				got, err := b.try(known[i].key, known[i].commit)
				if err == nil && got == known[i].receipt {
					return // however late it was asked for
				}
				c.retained(began)
				if err != nil {
					c.fatal("the receipt of the first time", outcome(err))
				}
				c.want("the receipt", got, known[i].receipt)
			})
		}
	},
}, {
	name:    "forgetting/begins-anew",
	numbers: []int{5, 14, 19, 22},
	promise: "A record that has neither value nor members is forgotten after the retention, also if somebody subscribes to it: it is the zero Record, and the next commit begins a new epoch, with message 1, and with a version that was never used.",
	breaks:  "Rooms that were written to once and never again would fill the store; or one that comes back would be taken for the old one.",
	needs:   []need{needsRetention},
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		l := a.listen(key)
		w := c.writer()
		old := a.commit(key, broker.Commit{ID: w.next(), Value: put("v"), Members: []broker.MemberChange{add("m", "data")}})
		a.commit(key, broker.Commit{ID: w.next(), Value: deletion(), Members: []broker.MemberChange{remove("m")}, Messages: messages("1", "2")})
		c.forgotten(b, key)
		l.bodies("1", "2")
		anew := b.commit(key, broker.Commit{ID: c.writer().next(), Expect: expect(""), Value: put("v"), Messages: messages("new")})
		c.want("the number of the first message", anew.At.Seq, uint64(1))
		if anew.At.Epoch == old.At.Epoch || anew.Version == old.Version {
			c.fatal("an epoch and a version that the record hasn't had", "the old ones")
		}
		a.conflict(key, broker.Commit{ID: c.writer().next(), Expect: expect(old.Version), Value: put("x")})
		c.want("the position of the message", l.message("the message \"new\"").At, anew.At)
	},
}, {
	name:    "forgetting/never-what-is-there",
	numbers: []int{19},
	promise: "A record with a value or with a member is never forgotten: version, position and members stay.",
	breaks:  "People who sit quietly in a room would lose it.",
	needs:   []need{needsRetention},
	check: func(c *trial) {
		a, b := c.open(), c.open()
		valued, inhabited := c.key(), c.key()
		a.commit(valued, broker.Commit{ID: c.writer().next(), Value: put(""), Messages: messages("1")})
		a.commit(inhabited, broker.Commit{ID: c.writer().next(), Members: []broker.MemberChange{add("m", "")}, Messages: messages("1")})
		want1, want2 := a.load(valued), a.load(inhabited)
		empty := c.key() // shows when the time has come
		a.commit(empty, broker.Commit{ID: c.writer().next()})
		c.forgotten(b, empty)
		c.want("the record with a value", b.load(valued), want1)
		c.want("the record with a member", b.load(inhabited), want2)
	},
}}

// elsewhere commits to another room: a store may take that as the occasion to look
// after some of its records. It stops after a tenth of the retention, or a slow store
// would come too late for what follows.
func (c *trial) elsewhere(h *handle) {
	ctx, cancel := c.bounded()
	defer cancel()
	key, began := c.key(), time.Now()
	c.note("%s commits to %s, up to 64 times", h.name, brief(key.Room))
	c.parallel(8, func(int) {
		w := c.writer()
		for n := 0; n < 8 && time.Since(began) < c.suite.harness.Limits.Retention/10; n++ {
			if _, err := h.Commit(ctx, key, broker.Commit{ID: w.next()}); err != nil {
				c.fatal("the commit is applied", outcome(err))
			}
		}
	})
}

// forgotten waits until the record of key is.
func (c *trial) forgotten(h *handle, key broker.Key) {
	keep := c.suite.harness.Limits.Retention
	most := 4*keep + c.suite.harness.Patience
	began := time.Now()
	for time.Since(began) < most {
		c.pause(keep / 4)
		c.elsewhere(h)
		if got := h.load(key); got.At == (broker.Position{}) {
			c.want("the record that was forgotten", got, broker.Record{})
			return
		}
	}
	c.fatal("the record is forgotten", fmt.Sprintf("after %v it is still %s", most, c.show(h.load(key))))
}
