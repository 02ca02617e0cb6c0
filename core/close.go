package core

import "fmt"

// CloseCode says why a connection ended: a WebSocket close code (RFC 6455,
// section 7.4, and the IANA registry). This table is all that est uses:
//
//	code  name           who ends it, and why                              come back?
//	1000  CloseNormal    the application or the client is done             as it likes
//	1001  CloseGoingAway the instance shuts down, or the page was left     yes, after a moment
//	1003  CloseBinary    the client sent a binary frame                    no
//	1006  CloseLost      never sent: the connection broke without a word   yes
//	1007  CloseNotJSON   the client sent what is not JSON, or not UTF-8    no
//	1008  ClosePolicy    refused, no hello in time, too fast, or too slow  depends on the failure
//	1009  CloseTooBig    the client sent, or asked to store, too much      no
//	1011  CloseBug       a function of the application is broken           later
//	1012  CloseComeBack  est can't vouch for this connection any more      yes, at once
//	1013  CloseTryLater  the broker, or side effects, take too long        yes, after a moment
//	4000–4999            the application's own                             it says so
//
// Where the client, or a function, is to blame, an error frame comes first (see
// [Failure]); but not for one that is too slow, which would not read it.
//
// An application may use its own range in [Outcome].Close, and all of the table
// but 1006.
type CloseCode uint16

// The close codes that est uses. [CloseCode] has the table.
const (
	CloseNormal    CloseCode = 1000
	CloseGoingAway CloseCode = 1001
	CloseBinary    CloseCode = 1003
	CloseLost      CloseCode = 1006
	CloseNotJSON   CloseCode = 1007
	ClosePolicy    CloseCode = 1008
	CloseTooBig    CloseCode = 1009
	CloseBug       CloseCode = 1011
	CloseComeBack  CloseCode = 1012
	CloseTryLater  CloseCode = 1013
)

// String is the code and the fixed phrase that goes with it on the wire.
func (c CloseCode) String() string {
	if r := c.Reason(); r != "" {
		return fmt.Sprintf("%d (%s)", uint16(c), r)
	}
	return fmt.Sprintf("%d", uint16(c))
}

// Reason is the fixed phrase that a client gets with the code; "" for the
// application's own codes. It never holds anything internal.
func (c CloseCode) Reason() string {
	switch c {
	case CloseNormal:
		return "done"
	case CloseGoingAway:
		return "the server is going away"
	case CloseBinary:
		return "text messages only"
	case CloseLost:
		return "connection lost"
	case CloseNotJSON:
		return "not JSON"
	case ClosePolicy:
		return "refused"
	case CloseTooBig:
		return "too big"
	case CloseBug:
		return "internal error"
	case CloseComeBack:
		return "please reconnect"
	case CloseTryLater:
		return "please try again later"
	}
	return ""
}

// allowed says whether an outcome may close with c.
func (c CloseCode) allowed() bool {
	return c >= 4000 && c <= 4999 || c != CloseLost && c.Reason() != ""
}
