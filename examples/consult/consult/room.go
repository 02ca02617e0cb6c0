package consult

import "github.com/spinneyio/est/core"

// Room is what the connections of a room share: who sits where.
type Room struct {
	Dietitian *Seat  `json:"dietitian,omitempty"` // nil: the seat is free
	Client    *Seat  `json:"client,omitempty"`
	CallID    string `json:"call-id"` // the room key
}

// Seat is a taken seat: whose it is, and the connection that holds it.
type Seat struct {
	User string      `json:"user-id"`
	Conn core.ConnID `json:"conn"`
}

// Role is which of the two seats somebody wants.
type Role string

// The two roles.
const (
	Dietitian Role = "dietitian"
	Client    Role = "client"
)

func (r Role) valid() bool { return r == Dietitian || r == Client }

func (r Role) other() Role {
	if r == Dietitian {
		return Client
	}
	return Dietitian
}

// seat is the role's seat; nil when it is free.
func (r Room) seat(role Role) *Seat {
	if role == Dietitian {
		return r.Dietitian
	}
	return r.Client
}

// with is the room with that seat changed. r itself stays as it is.
func (r Room) with(role Role, seat *Seat) Room {
	if role == Dietitian {
		r.Dietitian = seat
	} else {
		r.Client = seat
	}
	return r
}

// holds says whether this very connection has its role's seat.
func (r Room) holds(conn core.Conn, me Data) bool {
	seat := r.seat(me.Role)
	return seat != nil && seat.Conn == conn.ID
}
