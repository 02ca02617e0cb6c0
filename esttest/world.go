package esttest

import (
	"encoding/json"
	"fmt"

	"github.com/spinneyio/est/core"
)

// World is what a property may look at: the cluster as it is now. It is valid
// during the call, and read-only.
type World[C, R any] struct{ s *sim[C, R] }

// WorldClient is a connection as a property sees it.
type WorldClient[C any] struct {
	id       core.ConnID
	index    int
	instance int
	open     bool
	joined   bool
	room     string
	data     C
	sent     int
	seen     []core.Message
}

func (s *sim[C, R]) world() *World[C, R] { return &World[C, R]{s} }

// Rooms is the state of each room that has one, by key.
func (w *World[C, R]) Rooms() map[string]R {
	rooms := map[string]R{}
	for _, r := range w.s.rooms {
		value := valueOf(r.state)
		if value == nil {
			continue
		}
		var v R
		if err := json.Unmarshal(value, &v); err != nil {
			w.s.fail("codec", "the state of %q can't be read back: %v", r.key, err)
			continue
		}
		rooms[r.key] = v
	}
	return rooms
}

// Clients is the latest connection of each client that has connected, in the
// order of the clients, whether it is still open or not.
func (w *World[C, R]) Clients() []WorldClient[C] {
	var clients []WorldClient[C]
	for _, a := range w.s.clients {
		if a.conn != nil {
			clients = append(clients, w.client(a.conn))
		}
	}
	return clients
}

func (w *World[C, R]) client(c *conn[C, R]) WorldClient[C] {
	wc := WorldClient[C]{id: c.id, index: c.name.client - 1, instance: c.node.number - 1, open: c.open, joined: c.member, sent: c.sent, seen: c.seen}
	if !c.member {
		return wc
	}
	wc.room = c.room
	for _, m := range w.s.record(c.room).state.Record(true).Members {
		if m.ID != string(c.id) {
			continue
		}
		stored, err := core.DecodeMember(m.Data)
		if err == nil {
			err = stored.Data.Decode(&wc.data)
		}
		if err != nil {
			w.s.fail("codec", "the connection data of %v can't be read back: %v", c.name, err)
		}
	}
	return wc
}

// Instances is whether each instance is up.
func (w *World[C, R]) Instances() []bool {
	up := make([]bool, len(w.s.nodes))
	for i, n := range w.s.nodes {
		up[i] = n.up
	}
	return up
}

// Performed is the side effects that were performed so far, in order.
func (w *World[C, R]) Performed() []any { return w.s.effects }

// ID is the connection's.
func (c WorldClient[C]) ID() core.ConnID { return c.id }

// Index is which client it is, from 0, as in ClientView.
func (c WorldClient[C]) Index() int { return c.index }

// Instance is which instance it is connected to, from 0.
func (c WorldClient[C]) Instance() int { return c.instance }

// Open says whether the connection is open, as the client sees it.
func (c WorldClient[C]) Open() bool { return c.open }

// Joined says whether the store has it as a member of a room.
func (c WorldClient[C]) Joined() bool { return c.joined }

// Room is the room that it is a member of; "" if of none.
func (c WorldClient[C]) Room() string { return c.room }

// Data is its connection data as of its last commit; zero if it is no member.
func (c WorldClient[C]) Data() C { return c.data }

// Sent is how many messages the client has sent on this connection.
func (c WorldClient[C]) Sent() int { return c.sent }

// Received is all that the client got on this connection. It must not be changed.
func (c WorldClient[C]) Received() []core.Message { return c.seen }

// look calls the properties that hold after every step.
func (s *sim[C, R]) look() {
	if !s.changed || s.failed != nil {
		return
	}
	s.changed = false
	if s.model.Always != nil {
		s.property("Always", s.model.Always)
	}
	for name, seen := range s.model.Sometimes {
		if !s.stats.Seen[name] && s.sometimes(name, seen) {
			s.stats.Seen[name] = true
		}
	}
}

func (s *sim[C, R]) property(name string, p func(*World[C, R]) error) {
	defer blame(name)
	if err := p(s.world()); err != nil {
		s.fail(name, "%v", err)
	}
}

func (s *sim[C, R]) sometimes(name string, p func(*World[C, R]) bool) bool {
	defer blame(fmt.Sprintf("Sometimes[%q]", name))
	return p(s.world())
}
