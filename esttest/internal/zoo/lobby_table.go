package zoo

import "github.com/spinneyio/est/core"

// player is the connection data of lobby. At no table there is no room.
type player struct {
	User  string `json:"user"`
	Table string `json:"table"`
}

// table is the room state of lobby: a user has one seat, which belongs to the
// newest connection of his at that table.
type table struct {
	Players map[string]core.ConnID `json:"players"` // by user
	Dealer  core.ConnID            `json:"dealer"`  // one of Players
}

// say is a message, to a client or between connections: seated, moved, came,
// left, card, trump.
type say struct {
	ID    string   `json:"id"`
	User  string   `json:"user,omitempty"`
	Table string   `json:"table,omitempty"`
	Users []string `json:"users,omitempty"`
}
