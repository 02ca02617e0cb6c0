package load

import "time"

// Mode is what the connections do.
type Mode string

// The modes.
const (
	Echo  Mode = "echo"  // each connection sends; done when it has its answer
	Paced Mode = "paced" // the same, but Rate messages a second are sent over all
	Room  Mode = "room"  // one connection sends to Members others; done when all of them have it
	State Mode = "state" // Rooms × Members connections send; done when the others of the room have it
	Idle  Mode = "idle"  // connections that do nothing, and in the measured part send one message each
)

// Config is what a load generator is told to do.
type Config struct {
	Mode       Mode
	Addrs      []string // of the servers; connections take turns
	Centrifuge bool     // the servers speak centrifuge's protocol
	Conns      int      // Echo, Paced, Idle
	Rooms      int      // State
	Members    int      // Room, State: of each room
	Window     int      // messages in flight of each sender
	Msgs       int      // of the measured part, over all connections
	Rate       int      // Paced: messages a second
}

// Result is what was measured.
type Result struct {
	Msgs, Deliveries int
	Wall             time.Duration
	P50, P99         time.Duration // from sending until one has it
	LastP50, LastP99 time.Duration // Room: until the last one has it
	CPU              time.Duration // of the load generator
}

// Connections is how many connections c opens.
func (c *Config) Connections() int {
	switch c.Mode {
	case Room:
		return c.Members + 1
	case State:
		return c.Rooms * c.Members
	}
	return c.Conns
}

func (c *Config) senders() int {
	if c.Mode == Room {
		return 1
	}
	return c.Connections()
}

// measured and warmUp are how many messages each sender sends.
func (c *Config) measured() int { return max(c.Msgs/c.senders(), 1) }
func (c *Config) warmUp() int   { return max(c.Msgs/8/c.senders(), 1) }

// Sent is how many messages are sent in all.
func (c *Config) Sent() int { return (c.measured() + c.warmUp()) * c.senders() }

// limit is how long a part may take before it is taken for stuck.
const limit = time.Minute
