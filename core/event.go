package core

import "time"

// Event is something that happened, told to a [Room] by its driver. The set is
// closed. Slices in an event are the machine's from then on, and read-only.
type Event interface{ event() }

// Events of connections. Now is when it happened.
type (
	// Opened: a client connected. For the lobby only; the first event of a connection.
	Opened struct {
		Conn      ConnID
		Now       time.Time
		Handshake Handshake
	}

	// Received: the client sent a text message.
	Received struct {
		Conn    ConnID
		Now     time.Time
		Message Message
	}

	// Violated: the client broke a rule that the driver or the transport checks:
	// binary frame, too big, too fast. It gets a failure and is closed with Code.
	Violated struct {
		Conn ConnID
		Now  time.Time
		Code CloseCode
	}

	// Dismissed: the instance shuts down. The connection is closed with
	// CloseGoingAway, after what it sent before was handled and answered.
	Dismissed struct {
		Conn ConnID
		Now  time.Time
	}

	// TimedOut: the time for the hello is over. Ignored if it has come.
	TimedOut struct {
		Conn ConnID
		Now  time.Time
	}

	// Answered: a side effect (effect Perform) was performed.
	Answered struct {
		Conn   ConnID
		Now    time.Time
		Answer Performed
	}

	// Closed: the connection is gone, whoever ended it. Its last event.
	Closed struct {
		Conn ConnID
		Now  time.Time
	}

	// Entered: the connection comes from another machine of this instance (effect
	// Move) and is to join here.
	Entered struct {
		Conn   ConnID
		Now    time.Time
		Data   []byte // connection data
		Events uint64 // events of this connection so far
	}
	// Orphaned: this member of the room is of an instance that is dead (Reap, an
	// effect of [Life]). Its Leave is run here; Gone says that it is not a member any
	// more, whoever has removed it. Data and Identity are as the store has them.
	Orphaned struct {
		Conn     ConnID
		Now      time.Time
		Data     []byte // connection data
		Identity string
	}
)

// Expelled: the others have given this instance up, and run its Leaves (Expel, an
// effect of [Life]). All connections are closed with CloseComeBack. Nobody must
// enter this machine from then on; it is dropped when it is Idle.
type Expelled struct{}

// Events of the store.
type (
	// Subscribed answers Subscribe: from now on no message is missed.
	Subscribed struct{}

	// Listed answers List: if this instance dies, others will find the room.
	Listed struct{}
	// Unsubscribed answers Unsubscribe.
	Unsubscribed struct{}

	// Waited answers Wait.
	Waited struct{}

	// Loaded answers Load.
	Loaded struct{ Record Record }

	// Committed answers Commit: it was applied, now or when it was sent before. At
	// is where its messages end.
	Committed struct {
		N       uint64
		Version string
		At      Position
	}

	// Conflicted answers Commit: it was not applied, since Record is what is stored
	// by now, or since the members Gone are not.
	Conflicted struct {
		N      uint64
		Record Record
		Gone   []ConnID
	}

	// Refused answers Commit: the store will never take it. Reason is for the log.
	Refused struct {
		N        uint64
		TooLarge bool
		Reason   string
	}

	// Unanswered answers Commit: it may have been applied or not. The machine asks
	// again, with the same commit.
	Unanswered struct{ N uint64 }

	// GaveUp answers Subscribe, List, Load and Commit: the driver's patience with the
	// store is over. Whoever waits is told to try again later. Only Leave goes on, and
	// a commit whose outcome is not known: it comes again until it is, since what it
	// did decides what there is to leave.
	GaveUp struct{}

	// Forgotten answers Commit after a GaveUp: it was sent for so long that the store
	// may have forgotten its id, and must not be sent again. Its outcome stays unknown.
	Forgotten struct{ N uint64 }

	// Delivered: a message came from the subscription.
	Delivered struct {
		Now     time.Time
		At      Position // the message's own
		Version string   // the record's, after the commit that published it
		Body    []byte   // [DecodePublication] reads it
	}

	// Doubted: messages may have been lost on the way here before this point. The
	// machine reads the position, and sees whether its members are still stored: the
	// store may have gone back.
	Doubted struct{}
)

func (Opened) event()       {}
func (Received) event()     {}
func (Violated) event()     {}
func (Dismissed) event()    {}
func (TimedOut) event()     {}
func (Answered) event()     {}
func (Closed) event()       {}
func (Entered) event()      {}
func (Orphaned) event()     {}
func (Expelled) event()     {}
func (Subscribed) event()   {}
func (Listed) event()       {}
func (Unsubscribed) event() {}
func (Loaded) event()       {}
func (Waited) event()       {}
func (Committed) event()    {}
func (Conflicted) event()   {}
func (Refused) event()      {}
func (Unanswered) event()   {}
func (GaveUp) event()       {}
func (Forgotten) event()    {}
func (Delivered) event()    {}
func (Doubted) event()      {}

// timed is an event that says when it happened.
type timed interface{ now() time.Time }

func (e Opened) now() time.Time    { return e.Now }
func (e Received) now() time.Time  { return e.Now }
func (e Violated) now() time.Time  { return e.Now }
func (e Dismissed) now() time.Time { return e.Now }
func (e TimedOut) now() time.Time  { return e.Now }
func (e Answered) now() time.Time  { return e.Now }
func (e Closed) now() time.Time    { return e.Now }
func (e Entered) now() time.Time   { return e.Now }
func (e Orphaned) now() time.Time  { return e.Now }
func (e Delivered) now() time.Time { return e.Now }

func ofStore(ev Event) bool {
	_, message := ev.(Delivered)
	_, timed := ev.(timed)
	return message || !timed
}
