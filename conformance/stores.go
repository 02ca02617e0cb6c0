package conformance

import (
	"errors"
	"fmt"
	"time"

	"github.com/spinneyio/est/broker"
)

var storeRules = []rule{{
	name:    "stores/restart-keeps-records",
	numbers: []int{14, 21, 22, 33},
	promise: "What was committed stays when the store is restarted: value, version, position and members; and the log goes on from there.",
	breaks:  "Rooms would be lost, or decided on anew, by whoever restarts the store.",
	needs:   []need{needsRestart},
	alone:   true,
	check: func(c *trial) {
		a, b, key := c.own(), c.own(), c.key()
		first := a.commit(key, broker.Commit{
			ID: c.writer().next(), Value: put("state"), Members: []broker.MemberChange{add("m", "data")}, Messages: messages("1", "2"),
		})
		before := a.load(key)
		c.restart()
		c.want("the record that A reads", a.reload(key), before)
		c.want("the record that B reads", b.reload(key), before)
		c.want("the record that a new handle reads", c.own().reload(key), before)
		next := b.settled(key, broker.Commit{ID: c.writer().next(), Expect: &first.Version, Messages: messages("3")})
		c.want("the position of the next message", next.At, broker.Position{Epoch: first.At.Epoch, Seq: 3})
	},
}, {
	name:    "stores/restart-keeps-receipts",
	numbers: []int{15, 17},
	promise: "Receipts stay when the store is restarted: the same commit again gets the same one, and a smaller number is refused.",
	breaks:  "Commits whose answers were lost with the store would be sent again, and applied twice.",
	needs:   []need{needsRestart},
	alone:   true,
	check: func(c *trial) {
		a, key, w := c.own(), c.key(), c.writer()
		smaller := broker.Commit{ID: w.next(), Messages: messages("smaller")}
		commit := broker.Commit{ID: w.next(), Value: put("state"), Messages: messages("1")}
		start := time.Now()
		receipt := a.commit(key, commit)
		c.restart()
		again, err := a.settle(key, commit)
		c.retained(start)
		if err != nil {
			c.fatal("the receipt of the first time", outcome(err))
		}
		c.want("the receipt", again, receipt)
		_, err = a.settle(key, smaller)
		c.retained(start)
		if !errors.Is(err, broker.ErrStale) {
			c.fatal(fmt.Sprintf("an error that is %q", broker.ErrStale), outcome(err))
		}
	},
}, {
	name:    "stores/restart-keeps-subscriptions",
	numbers: []int{27},
	promise: "Subscriptions outlive a restart of the store: they hear later messages, after a gap if any were lost.",
	breaks:  "After each maintenance of the store, instances would be deaf until they are started again.",
	needs:   []need{needsRestart},
	alone:   true,
	check: func(c *trial) {
		a, b, key := c.own(), c.own(), c.key()
		l := b.listen(key)
		a.publish(key, "before")
		l.bodies("before")
		c.restart()
		l.recovers(a)
		l.accounted()
		l.once()
	},
}, {
	name:    "stores/empty-is-new",
	numbers: []int{5, 14, 22},
	promise: "When the store comes back empty its records are absent; what is committed then begins new epochs, and no version is used a second time.",
	breaks:  "An instance would take a new room for the old one, and put its old state over the new one.",
	needs:   []need{needsEmpty},
	alone:   true,
	check: func(c *trial) {
		c.empty() // what the store counts begins anew: so twice
		a, key := c.own(), c.key()
		var old []broker.Receipt
		for range 3 {
			old = append(old, a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("old"), Messages: messages("old")}))
		}
		c.empty()
		c.want("the record", a.reload(key), broker.Record{})
		for range old {
			now := a.settled(key, broker.Commit{ID: c.writer().next(), Value: put("new"), Messages: messages("new")})
			for _, before := range old {
				c.differs("the epoch", broker.Position{Epoch: now.At.Epoch}, broker.Position{Epoch: before.At.Epoch})
				c.differs("the version", now.Version, before.Version)
				a.conflictsWith(key, before.Version)
			}
		}
	},
}, {
	name:    "stores/empty-is-told",
	numbers: []int{22, 27},
	promise: "Subscriptions get a gap when the store has come back empty, and hear what is published then, though its numbers begin at 1 again.",
	breaks:  "An instance would take new messages for old ones, and drop them: its rooms would fall silent.",
	needs:   []need{needsEmpty},
	alone:   true,
	check: func(c *trial) {
		a, b, key := c.own(), c.own(), c.key()
		l := b.listen(key)
		a.publish(key, "1", "2", "3")
		l.bodies("1", "2", "3")
		c.empty()
		l.untilAnew(a)
	},
}, {
	name:    "stores/rollback-is-another-history",
	numbers: []int{14, 22},
	promise: "When the store has lost its last seconds, no version and no epoch of that time is used a second time.",
	breaks:  "An instance that saw what was lost would put its state over what others have done since.",
	needs:   []need{needsRollback},
	alone:   true,
	check: func(c *trial) {
		a, key, later := c.own(), c.key(), c.key()
		kept := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("kept")})
		before := a.load(key)
		restore := c.rollback()
		lost := a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("lost")})
		begun := a.commit(later, broker.Commit{ID: c.writer().next(), Value: put("lost"), Messages: messages("lost")})
		restore()
		c.want("the record that was there", a.reload(key), before)
		c.want("the record that was not", a.reload(later), broker.Record{})

		now := a.settled(key, broker.Commit{ID: c.writer().next(), Expect: &kept.Version, Value: put("now")})
		c.differs("the version", now.Version, lost.Version)
		a.conflictsWith(key, lost.Version)
		anew := a.settled(later, broker.Commit{ID: c.writer().next(), Value: put("now"), Messages: messages("now")})
		c.differs("the version", anew.Version, begun.Version)
		c.differs("the epoch", broker.Position{Epoch: anew.At.Epoch}, broker.Position{Epoch: begun.At.Epoch})
	},
}, {
	name:    "stores/rollback-loses-receipts",
	numbers: []int{7, 15},
	promise: "A commit that the store has lost is applied when it is sent again.",
	breaks:  "An instance would be told that its commit is there when it is not.",
	needs:   []need{needsRollback},
	alone:   true,
	check: func(c *trial) {
		a, key := c.own(), c.key()
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("kept")})
		restore := c.rollback()
		commit := broker.Commit{ID: c.writer().next(), Value: put("lost, and again"), Messages: messages("1")}
		a.commit(key, commit)
		restore()
		receipt := a.settled(key, commit)
		c.want("the record", a.reload(key), broker.Record{Value: []byte("lost, and again"), Version: receipt.Version, At: receipt.At})
	},
}, {
	name:    "stores/rollback-is-told",
	numbers: []int{27},
	promise: "Subscriptions get a gap when the store has lost its last seconds, and hear what is published then, though its numbers were used before.",
	breaks:  "An instance would take new messages for old ones, and drop them: its rooms would fall silent.",
	needs:   []need{needsRollback},
	alone:   true,
	check: func(c *trial) {
		a, b, key := c.own(), c.own(), c.key()
		l := b.listen(key)
		a.publish(key, "1", "2")
		restore := c.rollback()
		a.publish(key, "3", "4", "5")
		l.bodies("1", "2", "3", "4", "5")
		restore()
		l.untilAnew(a)
	},
}}

func (c *trial) restart() {
	c.fault("the store is restarted", c.suite.harness.Faults.Restart())
}

func (c *trial) empty() {
	c.fault("the store is restarted, empty", c.suite.harness.Faults.Empty())
}

// rollback remembers what the store holds, for restore.
func (c *trial) rollback() (restore func()) {
	back, err := c.suite.harness.Faults.Rollback()
	c.fault("the store's data is remembered", err)
	return func() { c.fault("the store is restarted, with what was remembered", back()) }
}

// differs gives up if got is old.
func (c *trial) differs(what string, got, old any) {
	if got == old {
		c.fatal(what+" is another than "+c.show(old), "it is the same")
	}
}

// conflictsWith expects a version that was lost.
func (h *handle) conflictsWith(key broker.Key, lost broker.Version) {
	_, err := h.settle(key, broker.Commit{ID: h.c.writer().next(), Expect: &lost, Value: put("stale")})
	if _, ok := errors.AsType[*broker.Conflict](err); !ok {
		h.c.fatal("a *broker.Conflict", outcome(err))
	}
}
