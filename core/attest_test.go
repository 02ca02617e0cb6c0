package core_test

import (
	"testing"

	"github.com/spinneyio/est/core"
)

// A store that goes back to before a join by which nobody was told shows no message
// that is missing. The member finds out all the same when the store is doubted.
func TestStoreForgetsAJoin(t *testing.T) {
	in := integration(nil)
	in.Join = func(core.Conn, who, room) (none core.Outcome[who, room]) { return none }
	c := newCluster(in, 1)
	for _, id := range []core.ConnID{"a", "b"} {
		c.open(0, id, core.Handshake{})
	}
	c.send("a", `{"user":"ann","room":"r"}`)
	c.settle()
	before := c.store["r"]
	c.send("b", `{"user":"bob","room":"r"}`)
	c.settle()
	c.store["r"] = before
	c.happen(c.nodes[0], c.nodes[0].rooms["r"], core.Doubted{})
	c.settle()
	if a, b := c.clients["a"].closed, c.clients["b"].closed; a != 0 || b != core.CloseComeBack {
		t.Errorf("a was closed with %d, b with %d", a, b)
	}
}
