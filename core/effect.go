package core

// Effect is something that the driver must do, in the order of the list. Effects
// are plain data: they can be compared, printed and stored. The set is closed.
// Slices in an effect may be shared with the machine: read-only.
type Effect interface{ effect() }

// Cause names what led to an effect: the N-th event of connection Conn or, where
// At is set, the message at that position, published by Conn.
type Cause struct {
	Conn ConnID
	N    uint64
	At   Position
}

// Effects on connections.
type (
	// Send sends one message to connections, each of which gets it after all that
	// was sent to it before. It blocks for none of them.
	Send struct {
		Cause   Cause
		To      []ConnID
		Message Message
	}

	// Close ends a connection after all that was sent to it. The machine sends it
	// nothing more. The driver still reports Closed when it is gone.
	Close struct {
		Cause Cause
		Conn  ConnID
		Code  CloseCode
	}

	// Perform performs a side effect, once, after those that the connection asked
	// for before. Answered by Answered. It may outlive its connection.
	Perform struct {
		Cause  Cause
		Conn   ConnID
		Effect any
	}

	// Move hands a connection to the machine of Room (the lobby for ""): as an
	// Entered, then Waiting, then whatever happens to it from now on.
	Move struct {
		Cause   Cause
		Conn    ConnID
		Room    string
		Entered Entered
		Waiting []Event
	}

	// Gone says that the machine has forgotten a connection: nothing is left to be
	// done for it. Its last effect, Moves aside.
	Gone struct{ Conn ConnID }

	// Report tells the operators of a bug, typically in the integration. Its text
	// never goes to a client.
	Report struct {
		Cause Cause
		Conn  ConnID // "" where it concerns the room
		What  string // what was being done: "Receive", "commit", …
		Text  string
	}
)

// Effects on the store. At most one of Load and Commit is under way, and beside
// it one of Subscribe and Unsubscribe, one List, and one Wait.
type (
	// Subscribe subscribes to the room. Answered by Subscribed, GaveUp.
	Subscribe struct{ Cause Cause }

	// List has the room listed as one that the instance is about to enter, see
	// [Life]. It is asked for where RoomOptions.List is set. Answered by Listed, GaveUp.
	List struct{ Cause Cause }
	// Unsubscribe ends the subscription. Answered by Unsubscribed.
	Unsubscribe struct{}

	// Load reads the room's record, without members. Answered by Loaded, GaveUp.
	Load struct{ Cause Cause }

	// Wait asks for as much time as a message may take from the store to here: a
	// second is ample. It is asked for where RoomOptions.Wait is set, and holds nothing
	// up. Answered by Waited.
	Wait struct{}

	// Commit commits to the room. Answered by Committed, Conflicted, Refused,
	// Unanswered, GaveUp, Forgotten.
	Commit struct {
		Causes   []Cause // of the transitions in it
		N        uint64  // its number; the writer is the machine's
		Again    int     // how often the same commit was sent before
		Any      bool    // whatever the version is
		Expect   string  // the version that it was decided on, unless Any
		Op       Op
		Value    []byte
		Members  []MemberChange
		Messages [][]byte
	}
)

func (Send) effect()        {}
func (Close) effect()       {}
func (Perform) effect()     {}
func (Move) effect()        {}
func (Gone) effect()        {}
func (Report) effect()      {}
func (Subscribe) effect()   {}
func (List) effect()        {}
func (Unsubscribe) effect() {}
func (Load) effect()        {}
func (Wait) effect()        {}
func (Commit) effect()      {}
