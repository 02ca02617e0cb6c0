package main

import (
	"slices"

	"github.com/spinneyio/est/core"
)

// The application is made to be checked. Each room counts what its members add, so
// every addition has a number, which its sender is told and everybody else gets as a
// message; and it knows who is there, so a Leave that is missing or comes twice shows.

type person struct{ User, Room string }

type room struct {
	N     int           // additions
	Here  []core.ConnID // joined and not left
	Wrong []string      // Leaves of who was not there
}

// frame is all that clients and servers say to each other.
type frame struct {
	User   string      `json:"user,omitempty"` // hello
	Room   string      `json:"room,omitempty"`
	Joined core.ConnID `json:"joined,omitempty"` // answer to it
	Add    string      `json:"add,omitempty"`    // a name that is used once
	Ack    string      `json:"ack,omitempty"`    // answer to it: it is the N-th
	Added  string      `json:"added,omitempty"`  // the same, for the others
	Left   core.ConnID `json:"left,omitempty"`
	Resync bool        `json:"resync,omitempty"`
	N      int         `json:"n,omitempty"`
}

type outcome = core.Outcome[person, room]

// soaked is the integration, with Resync or without: then clients are closed instead.
func soaked(resync bool) core.Integration[person, room] {
	in := core.Integration[person, room]{
		Name: "soak",
		Authenticate: func(_ core.Conn, hello core.Message) (p person, f *core.Failure) {
			if hello.Decode(&p) != nil || p.Room == "" {
				return p, &core.Failure{Code: 1}
			}
			return p, nil
		},
		Identity: func(_ core.Conn, p person) string { return p.User },
		Room:     func(_ core.Conn, p person) string { return p.Room },
		Join: func(c core.Conn, _ person, r room) outcome {
			r.Here = append(r.Here, c.ID)
			return outcome{Room: core.Put(r), Reply: frame{Joined: c.ID, N: r.N}}
		},
		Receive: func(_ core.Conn, _ person, r room, msg core.Message) outcome {
			var f frame
			if msg.Decode(&f) != nil || f.Add == "" {
				return outcome{Fail: &core.Failure{Code: 1}}
			}
			r.N++
			return outcome{
				Room: core.Put(r), Reply: frame{Ack: f.Add, N: r.N},
				Publish: []core.Publication{core.ToAll(frame{Added: f.Add, N: r.N})},
			}
		},
		Leave: func(c core.Conn, p person, r room) outcome {
			if i := slices.Index(r.Here, c.ID); i >= 0 {
				r.Here = slices.Delete(r.Here, i, i+1)
			} else {
				r.Wrong = append(r.Wrong, string(c.ID))
			}
			return outcome{Room: core.Put(r), Publish: []core.Publication{core.ToAll(frame{Left: c.ID, N: r.N})}}
		},
	}
	if resync {
		in.Resync = func(_ core.Conn, _ person, r room) outcome {
			return outcome{Reply: frame{Resync: true, N: r.N}}
		}
	}
	return in
}
