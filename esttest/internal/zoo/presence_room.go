package zoo

import (
	"slices"

	"github.com/spinneyio/est/core"
)

// guest is the connection data of presence.
type guest struct {
	User  string `json:"user"`
	Room  string `json:"room"`
	Shown []seat `json:"shown"` // the seats that the client knows of
}

// party is the room state of presence: who is there, in the order of arrival.
type party struct {
	Seats []seat `json:"seats"`
}

// seat is one connection of a user. One of all seats is the host's.
type seat struct {
	Conn  core.ConnID `json:"conn"`
	User  string      `json:"user"`
	Host  bool        `json:"host"`
	Ready bool        `json:"ready"`
}

// view is what a client gets: what has happened, and who is there.
type view struct {
	News  any    `json:"news"`
	Seats []seat `json:"seats"`
}

// news is what happened in a room: joined, left, ready, passed, or wave.
type news struct {
	What string `json:"what"`
	User string `json:"user"`
}

// maxUsers is how many users a room takes.
const maxUsers = 2

func (r party) seatOf(id core.ConnID) int {
	return slices.IndexFunc(r.Seats, func(s seat) bool { return s.Conn == id })
}

func (r party) seatOfUser(user string) int {
	return slices.IndexFunc(r.Seats, func(s seat) bool { return s.User == user })
}

func (r party) has(user string) bool { return r.seatOfUser(user) >= 0 }

func (r party) users() int {
	users := map[string]bool{}
	for _, s := range r.Seats {
		users[s.User] = true
	}
	return len(users)
}
