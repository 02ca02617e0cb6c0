package consult

import "github.com/spinneyio/est/core"

// welcome answers a good hello.
type welcome struct {
	ID       string `json:"id"`
	Success  bool   `json:"success"`
	RoomFull bool   `json:"room-full"` // both seats are taken
	State    Room   `json:"state"`
}

// receipt tells the sender that its message was passed on.
type receipt struct {
	ID      core.Message `json:"id"` // the message's own, whatever JSON that is
	Success bool         `json:"success"`
}

// participantChange tells who is in the room that the other one came, came
// again, or went.
type participantChange struct {
	ID     string `json:"id"`
	CallID string `json:"callid"`
	Status string `json:"status"` // connect, reconnect, disconnect
}

func changed(room, status string) participantChange {
	return participantChange{ID: "participantChange", CallID: room, Status: status}
}

// trumped is the last that a connection hears when its user signed in elsewhere.
type trumped struct {
	ID     string `json:"id"`
	CallID string `json:"callid"`
}

// disconnect goes from a new connection to the older ones of the same user.
type disconnect struct {
	Disconnect bool `json:"disconnect"`
}

// isDisconnect says whether body is {"disconnect":true} and nothing more.
func isDisconnect(body core.Message) bool {
	var fields map[string]any
	return body.Decode(&fields) == nil && len(fields) == 1 && fields["disconnect"] == true
}

// refusal is how a connection is turned away.
func refusal(why string) *core.Failure {
	return &core.Failure{ID: "auth", Code: 1, Errors: map[string]string{"auth": why}}
}
