package core

import (
	"fmt"
	"time"
)

// task is a transition that waits to be decided.
type task struct {
	kind    kind
	conn    ConnID
	n       uint64 // it is the n-th event of conn
	now     time.Time
	retried bool
	bare    bool // leave: remove the member, ask nobody

	msg    Message    // hello, receive
	answer *Performed // performed
	heard  *heard     // deliver
	code   CloseCode  // refuse
	text   string     // refuse
}

// heard is a message that is to be delivered. Its recipients share it.
type heard struct {
	Delivery
	at Position
}

func (t task) cause() Cause {
	if t.kind == deliver {
		return Cause{Conn: t.heard.From, At: t.heard.at}
	}
	return Cause{Conn: t.conn, N: t.n}
}

// kind is which of the application's functions a transition runs.
type kind uint8

const (
	hello kind = iota
	join
	receive
	deliver
	resync
	attest // none: see whether the member is still stored
	performed
	leave
	refuse // none: the client broke a rule, or we are going away
)

func (k kind) String() string {
	return [...]string{"Authenticate", "Join", "Receive", "Deliver", "Resync", "attest", "Performed", "Leave", "refuse"}[k]
}

// event is the event that led to a task that is still to be decided.
func (t task) event() Event {
	switch t.kind {
	case receive:
		return Received{t.conn, t.now, t.msg}
	case performed:
		return Answered{t.conn, t.now, *t.answer}
	case refuse:
		if t.code == CloseGoingAway {
			return Dismissed{t.conn, t.now}
		}
		return Violated{t.conn, t.now, t.code}
	case leave:
		return Closed{t.conn, t.now}
	}
	panic(fmt.Sprintf("core: a %v waits behind a change of room", t.kind))
}
