package main

import "github.com/spinneyio/est/core"

// Count is what the connections of a room share.
type Count struct {
	Sum     int `json:"sum"`
	Retried int `json:"retried"` // additions that lost their first compare-and-swap
}

// Counter adds up what everyone in a room sends as {"add":n}, and answers with the
// count so far. The hello is the name of the room, which is all that is kept for
// a connection.
var Counter = core.Integration[string, Count]{
	Name: "counter",
	Authenticate: func(_ core.Conn, hello core.Message) (room string, _ *core.Failure) {
		if err := hello.Decode(&room); err != nil || room == "" {
			return "", &core.Failure{Code: 1, Errors: map[string]string{"auth": "Not the name of a room"}}
		}
		return room, nil
	},
	Identity: func(core.Conn, string) string { return "" },
	Room:     func(_ core.Conn, room string) string { return room },
	Join:     func(core.Conn, string, Count) (none core.Outcome[string, Count]) { return none },
	Receive:  add,
	Leave:    func(core.Conn, string, Count) (none core.Outcome[string, Count]) { return none },
}

// add is decided again, on the count that won, when another instance was faster.
// So it can simply add: nothing is lost, and nothing is added twice.
func add(conn core.Conn, _ string, count Count, msg core.Message) core.Outcome[string, Count] {
	var term struct{ Add int }
	if err := msg.Decode(&term); err != nil {
		return core.Outcome[string, Count]{Fail: &core.Failure{Code: 1, Errors: map[string]string{"comm": "Not a term"}}}
	}
	count.Sum += term.Add
	if conn.Retried {
		count.Retried++
	}
	return core.Outcome[string, Count]{Room: core.Put(count), Reply: count}
}
