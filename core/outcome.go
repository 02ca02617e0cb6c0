package core

// Outcome is what a transition decided. The zero Outcome changes nothing and
// sends nothing.
//
// Nothing of it happens before its commit has succeeded. Then, in this order:
// Reply or Fail is sent, Perform is handed to the driver, the connection is
// closed if Close says so. The messages of Publish are part of the commit.
//
// An outcome is invalid, is reported as a bug and closes its connection with
// 1011, if it has both Reply and Fail, Delete as Data, a Room change or Publish
// without a room, a Publication that is neither to all nor to an identity (or
// both), a Close that [CloseCode] does not allow, or a value that JSON cannot
// encode.
type Outcome[C, R any] struct {
	Data    Change[C]     // next connection data; zero keeps
	Room    Change[R]     // next room state; zero keeps, Delete purges
	Reply   any           // to this connection, as JSON; nil sends nothing
	Fail    *Failure      // instead of Reply: an error frame
	Publish []Publication // to other connections of the room ("everyone and me" is ToAll and Reply)
	Perform []any         // side effects, performed after the commit, in order
	Close   CloseCode     // zero stays open
}

// Op says what a [Change] does.
type Op uint8

// The operations of a [Change].
const (
	Keep     Op = iota // leave it as it is
	OpPut              // replace it
	OpDelete           // purge it; room state only
)

// Change is the next value of something, or none. Its fields are exported so
// that tests can compare outcomes; build it with [Put] and [Delete].
type Change[T any] struct {
	Op    Op
	Value T
}

// Put replaces the value by v.
func Put[T any](v T) Change[T] { return Change[T]{Op: OpPut, Value: v} }

// Delete purges the value. The room's members stay members.
func Delete[T any]() Change[T] { return Change[T]{Op: OpDelete} }

// Publication is a message to other connections of the room. Build it with [To]
// or [ToAll]: All is explicit, so that an empty To never reaches everyone.
type Publication struct {
	All  bool
	To   string
	Body any // encoded as JSON; a Message is taken as it is
}

// To publishes body to the connections of identity in the room, but not to the
// sender's own connection. To("") reaches nobody and is reported as a bug.
func To(identity string, body any) Publication { return Publication{To: identity, Body: body} }

// ToAll publishes body to everyone in the room but the sender's own connection.
func ToAll(body any) Publication { return Publication{All: true, Body: body} }

// Delivery is a published message on its way to one member.
type Delivery struct {
	From ConnID // the connection that published it; "" when published from outside any connection
	All  bool   // published by ToAll
	To   string // the identity it was published to; "" for ToAll
	Body Message
}

// Performed is the answer of a side effect. It is JSON, so that a recorded run
// can be replayed.
type Performed struct {
	Effect any     // the effect, as the outcome had it
	Result Message // what the driver's Perform function answered; nil for nothing
	Failed string  // the error's text, for you and not for a client; "" when it went well
}
