// Package transport is what a transport and an instance promise each other.
//
// A transport moves text messages between one client and one instance. For each
// client that connects it calls [Acceptor].Accept once, with its own end of the
// connection, and gets the instance's end in return. From then on:
//
//  1. The transport calls Receive for each text message, in the order of the
//     wire, and Closed exactly once, as its last call. These calls never overlap.
//  2. The instance calls Write for messages to the client. Writes never overlap.
//  3. Either side may end it: the instance by [Conn].Close, the transport by
//     [Session].Closed. After Close the transport still calls Closed, when the
//     connection is really gone.
//  4. Nobody holds a lock of its own while it calls the other side.
//  5. A transport that knows which messages have come together may hand them in
//     together, by ReceiveAll in place of Receive: see [BatchReceiver].
//
// A message is UTF-8 text of any kind: also empty, and with zero bytes. It comes
// out as it went in. A transport states how large one from a client may be, 64
// KiB or more by default; one to a client has no limit.
//
// These promises are cases in package conformance: RunTransport tries them on
// any transport.
package transport

import "github.com/spinneyio/est/core"

// Acceptor takes connections in. An *instance.Instance is one.
type Acceptor interface {
	// Accept takes in a new connection. It keeps c and h. The instance may call c
	// before Accept has returned. An error means that no connection is taken in
	// now, because the instance is shutting down: the transport refuses the
	// client or closes with core.CloseGoingAway, and calls nothing else.
	Accept(c Conn, h core.Handshake) (Session, error)
}

// Conn is the transport's end of a connection.
type Conn interface {
	// Write sends each message as one text frame, in order, in as few system calls
	// as the transport can, and returns when the network has taken them. It blocks
	// while the peer does not read, at most for the transport's write timeout. The
	// slices are shared with other connections: Write must not change or keep them.
	// After an error the connection is of no more use; Closed will follow.
	Write(messages [][]byte) error

	// Close ends the connection. The peer gets code and reason, after all that was
	// written, unless a Write is still stuck: that is then cut off. An empty reason
	// stands for the code's own phrase, and one of more than 123 bytes of UTF-8 may
	// be cut, between two runes; core.CloseLost drops the connection without a word.
	// Close does not wait for the peer and may be called at any time, also
	// twice: the first counts. A Write after it fails.
	Close(code core.CloseCode, reason string)
}

// Session is the instance's end of a connection.
type Session interface {
	// Receive hands in a text message, which is the instance's from then on. It
	// blocks while too many messages of this connection wait: that is how a fast
	// client is slowed down. After a close it does nothing. Closed has to wait for a
	// Receive that blocks, so one does not outlast the instance's own Close or an
	// error of Write.
	Receive(message []byte)

	// Violated says that the client broke a rule of the transport: a binary frame
	// (core.CloseBinary), a message over the limit (core.CloseTooBig), text that is
	// not UTF-8 (core.CloseNotJSON). The instance sends the failure and closes with
	// that code. The transport drops whatever the client sends after it.
	Violated(code core.CloseCode)

	// Closed says that the connection is gone: by the peer, with its code and
	// reason; by a breakdown, with core.CloseLost; by Close, with the code given there.
	Closed(code core.CloseCode, reason string)
}

// BatchReceiver is what a Session may be too: one that is glad to get together what
// has come together.
type BatchReceiver interface {
	Session

	// ReceiveAll is Receive of each of the messages, one or more, in order. The
	// transport calls it with what it has whenever it would wait for the network next,
	// and may when there is more: so a message waits for none that has not come yet. The
	// messages are the instance's from then on, the slice that they are in is the
	// transport's again when ReceiveAll returns.
	//
	// This is the time to handle them right here, and to write to the client, before
	// ReceiveAll returns: without another goroutine the answers come sooner, and
	// together. A transport whose Write blocks before the client's side has a good deal
	// of room does not call it: a client that sends more before it reads would wait for
	// itself.
	ReceiveAll(messages [][]byte)
}
