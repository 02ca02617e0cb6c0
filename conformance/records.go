package conformance

import "github.com/spinneyio/est/broker"

var recordRules = []rule{{
	name:    "records/absent",
	numbers: []int{5},
	promise: "A record that was never written is the zero Record, and no error.",
	breaks:  "Nobody could be the first in a room.",
	check: func(c *trial) {
		c.want("a record that was never written", c.open().load(c.key()), broker.Record{})
	},
}, {
	name:    "records/read-back",
	numbers: []int{5, 7, 16},
	promise: "What was committed is read back by every handle, at once: value, version, position and members, the first two as the receipt has them.",
	breaks:  "An instance would decide on what has long been changed, and answer clients from it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		receipt := a.commit(key, broker.Commit{
			ID: c.writer().next(), Value: put("state"), Members: []broker.MemberChange{add("m", "data")}, Messages: messages("1", "2"),
		})
		want := broker.Record{
			Value: []byte("state"), Version: receipt.Version, At: receipt.At,
			Members: []broker.Member{{ID: "m", Data: []byte("data")}},
		}
		c.want("the record that A reads", a.load(key), want)
		c.want("the record that B reads", b.load(key), want)
	},
}}
