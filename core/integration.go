package core

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ConnID names one connection: random 128 bits as 32 hexadecimal digits, never
// reused, also not by another instance or after a restart. The driver draws it.
type ConnID string

// Integration is an application: a struct of pure functions over connection
// data C and room state R. Both are stored as JSON (encoding/json), so what
// JSON cannot carry (unexported fields, functions) does not survive.
//
// A pure function depends on its arguments alone: no clock (use [Conn.Now]), no
// randomness, no global variable, no map order, no I/O. It may be called more
// than once for the same event, and every instance must decide alike. Room
// state is a private copy in all functions but Deliver, whose recipients share
// one: none of them may change it.
//
// The zero value is invalid; see [Integration.Validate].
type Integration[C, R any] struct {
	// Name is the namespace of this integration's rooms in the broker. Required.
	// Names that begin with "est:" are reserved.
	Name string

	// Path is where applications are expected to mount the integration, "/consult"
	// say. It is informational: no code of est reads it.
	Path string

	// Authenticate turns the first message of a connection into connection data,
	// or refuses: then the failure is sent and the connection closed with 1008.
	// The data is stored in the broker, so it must hold no secrets. Required.
	Authenticate func(conn Conn, hello Message) (C, *Failure)

	// AuthenticateOnConnect calls Authenticate as soon as the connection opens,
	// with an empty Message, for those who authenticate by what the handshake
	// carries: cookies, headers, the claims of the transport's Admit function.
	AuthenticateOnConnect bool

	// Identity is what messages are addressed to, a user id for example. Several
	// connections may share one. "" makes the connection reachable by ToAll only.
	// Required.
	Identity func(conn Conn, data C) string

	// Room is the key of the connection's room. "" is no room: nothing is shared,
	// nothing can be published, and the broker is not used. Required.
	Room func(conn Conn, data C) string

	// Join decides about a connection that is about to become a member of its
	// room. If the outcome has Fail, it does not become one: the failure is sent
	// and the connection closed; what else the outcome asks for still happens.
	// Join may not move the connection to yet another room. Required.
	Join func(conn Conn, data C, room R) Outcome[C, R]

	// Receive handles a message of the client. Required.
	Receive func(conn Conn, data C, room R, msg Message) Outcome[C, R]

	// Deliver handles a message that was published to this connection. nil
	// forwards its body to the client as it is, encoded once for all recipients.
	Deliver func(conn Conn, data C, room R, d Delivery) Outcome[C, R]

	// Leave runs once for every connection that had joined, however it ended.
	// Reply, Fail, Close and Data of its outcome are ignored. Required.
	Leave func(conn Conn, data C, room R) Outcome[C, R]

	// Resync runs when messages to this connection may have been missed, typically
	// to send the client the whole state anew: from its commit on the connection
	// gets every message again, as after a join. nil closes the connection with
	// 1012, so that the client comes back.
	Resync func(conn Conn, data C, room R) Outcome[C, R]

	// Performed handles the answer of a side effect that an outcome of this
	// connection asked for. nil drops the answers.
	Performed func(conn Conn, data C, room R, p Performed) Outcome[C, R]

	// EncodeFailure makes the error frame of a failure, to be encoded as JSON. nil
	// is the default frame, see [Failure]. f has its ID filled in.
	EncodeFailure func(f *Failure) any
}

// Validate says what is missing or wrong, all of it in one error, or nil.
func (in Integration[C, R]) Validate() error {
	var errs []error
	missing := func(absent bool, field string) {
		if absent {
			errs = append(errs, fmt.Errorf("core: integration %q: %s is missing", in.Name, field))
		}
	}
	missing(in.Name == "", "Name")
	missing(in.Authenticate == nil, "Authenticate")
	missing(in.Identity == nil, "Identity")
	missing(in.Room == nil, "Room")
	missing(in.Join == nil, "Join")
	missing(in.Receive == nil, "Receive")
	missing(in.Leave == nil, "Leave")
	if strings.HasPrefix(in.Name, ReservedPrefix) {
		errs = append(errs, fmt.Errorf("core: integration %q: names that begin with %q are reserved for est itself", in.Name, ReservedPrefix))
	}
	return errors.Join(errs...)
}

// ReservedPrefix begins the namespaces that est keeps for its own records.
const ReservedPrefix = "est:"

// Conn is what a pure function may know about the connection that it runs for.
type Conn struct {
	ID      ConnID
	Now     time.Time // when the event happened; functions never read a clock
	Retried bool      // this event was decided before and lost its compare-and-swap

	// Handshake is filled in for Authenticate only.
	Handshake Handshake
}

// Handshake is what was known about a connection when it opened.
type Handshake struct {
	Path, RemoteAddr string
	Query, Header    map[string][]string

	// Claims is what the transport's Admit function answered, as JSON; nil without one.
	Claims Message
}
