package core

import (
	"fmt"
	"slices"
	"time"
)

// Room is the replica of one room on one instance: a pure state machine. It has
// the connections of this instance that are in the room or on their way in, a
// snapshot of the room state, the transitions that wait, and at most one commit
// under way. Events go in by [Room.Step], effects come out; what they mean is
// said at their types. The same events give the same effects.
//
// The Room with the key "" is a lobby: it has the connections that have not said
// hello, and those without a room. It never uses the store.
//
// A Room is not safe for concurrent use.
type Room[C, R any] struct {
	in          *Integration[C, R]
	formC       *form[C]
	formR       *form[R]
	key, writer string
	opt         RoomOptions

	members  map[ConnID]*member[C]
	order    []*member[C]            // by arrival: no effect depends on map order
	identity map[string][]*member[C] // joined members, by arrival
	arrivals uint64
	joined   int // members of this instance that are stored, as far as is known

	now     time.Time // of the latest event
	n       uint64    // number of the last commit
	drafts  uint64    // made so far
	link    link
	listing listing
	known   bool // the snapshot below was read, and since the last Orphaned
	value   stored[R]
	version string
	at      Position // the snapshot is the room's state here
	seen    Position // messages up to here have been heard; zero before the first join
	doubt   bool     // messages may be missing: read the position
	late    bool     // the Load under way was asked for before a doubt or an Orphaned, so it answers neither
	wanted  uint64   // the Load under way is for the message of this number
	missing uint64   // what is not heard up to here, and is not held, is lost
	waits   bool     // the effect Wait is not answered yet
	suspect uint64   // what is not heard up to here by then is lost
	later   uint64   // likewise, after one Wait more

	held    []Delivered  // messages that wait for the store
	due     []task       // transitions that messages led to
	queue   []task       // transitions that connections led to, in their order
	flight  *draft[C, R] // the commit under way
	loading bool
	limit   int // transitions in the next commit at most
	losses  int // conflicts in a row

	fx    []Effect     // of the step under way
	spare *draft[C, R] // to be used again
}

// link is the state of the subscription.
type link uint8

const (
	linkOff link = iota
	linkOpening
	linkLive
	linkClosing
)

// listing is the state of the room in the list of those that the instance is in.
type listing uint8

const (
	unlisted listing = iota
	listingOpen
	listed
)

// Key is the room's key.
func (r *Room[C, R]) Key() string { return r.key }

// Number is the number of the last commit.
func (r *Room[C, R]) Number() uint64 { return r.n }

// Idle says that the machine holds nothing: it may be dropped.
func (r *Room[C, R]) Idle() bool {
	return len(r.members) == 0 && r.flight == nil && !r.loading && r.listing != listingOpen && (r.link == linkOff || r.key == "")
}

// Step takes in events, in order, and appends to fx what must be done. Events
// that have piled up are best given together: their transitions share a commit,
// and those of connections count before those of the store.
func (r *Room[C, R]) Step(fx []Effect, events ...Event) []Effect {
	r.fx = fx
	for _, store := range []bool{false, true} { // connections first: a receipt may move one on
		for _, ev := range events {
			if ofStore(ev) == store {
				r.take(ev)
			}
		}
	}
	for r.flight == nil && !r.loading && r.advance() {
	}
	r.rest()
	fx, r.fx = r.fx, nil
	return fx
}

func (r *Room[C, R]) take(ev Event) {
	if t, ok := ev.(timed); ok {
		r.now = t.now()
	}
	switch ev := ev.(type) {
	case Opened:
		r.opened(ev)
	case Entered:
		r.entered(ev)
	case Received:
		r.received(ev)
	case Violated:
		r.violated(ev)
	case Dismissed:
		if m := r.hearing(ev.Conn); m != nil {
			m.events++
			r.refuse(m, CloseGoingAway, "")
		}
	case TimedOut:
		if m := r.members[ev.Conn]; m != nil && m.awaiting {
			r.refuse(m, ClosePolicy, "no message in time")
		}
	case Answered:
		r.answered(ev)
	case Closed:
		r.closed(ev)
	case Orphaned:
		r.orphaned(ev)
	case Expelled:
		r.expelled()
	case Subscribed:
		r.link = linkLive
	case Listed:
		r.listing = listed
	case Unsubscribed:
		r.unsubscribed()
	case Loaded:
		r.loaded(ev)
	case Committed:
		r.committed(ev)
	case Conflicted:
		r.conflicted(ev)
	case Refused:
		r.refused(ev)
	case Unanswered:
		r.unanswered(ev)
	case GaveUp:
		r.gaveUp()
	case Forgotten:
		r.forgotten(ev)
	case Delivered:
		r.delivered(ev)
	case Waited:
		r.waited()
	case Doubted:
		r.doubt, r.late = true, true
	default:
		panic(fmt.Sprintf("core: unknown event %T", ev))
	}
}

// advance does the next thing that can be done without an answer, and says
// whether there was one. Messages go first: they are older than what waits.
func (r *Room[C, R]) advance() bool {
	if r.doubt {
		if r.joined > 0 {
			r.load(Cause{})
			return false
		}
		r.doubt = false
	}
	for i, ev := range r.held {
		if !r.hear(ev) {
			r.held = slices.Delete(r.held, 0, i)
			r.load(Cause{At: ev.At})
			return false
		}
	}
	r.held = slices.Delete(r.held, 0, len(r.held))
	r.settleMissing()
	switch {
	case r.doubt: // by a message
		return true
	case len(r.due)+len(r.queue) == 0:
		return false
	case !r.known, // then somebody waits whose turn it is after that
		r.behind() && len(r.queue) > 0 && r.queue[0].kind != refuse: // which is not decided on the snapshot
		r.load(r.queue[0].cause())
		return false
	}
	return r.decideBatch()
}

// rest lets the subscription go when nobody is left.
func (r *Room[C, R]) rest() {
	if len(r.members) > 0 || r.flight != nil || r.loading || r.key == "" {
		return
	}
	r.held, r.due, r.queue, r.doubt = nil, nil, nil, false
	if r.link == linkLive {
		r.link = linkClosing
		r.emit(Unsubscribe{})
	}
}

func (r *Room[C, R]) emit(fx Effect) { r.fx = append(r.fx, fx) }

func (r *Room[C, R]) load(c Cause) {
	r.loading, r.late, r.wanted = true, false, c.At.Seq
	r.emit(Load{c})
}

func (r *Room[C, R]) unsubscribed() {
	r.link = linkOff
	if len(r.members) > 0 { // somebody came meanwhile
		r.subscribe(Cause{})
	}
}

func (r *Room[C, R]) subscribe(c Cause) {
	if r.link == linkOff {
		r.link = linkOpening
		r.emit(Subscribe{c})
	}
}

func (r *Room[C, R]) list(c Cause) {
	if r.listing == unlisted {
		r.listing = listingOpen
		r.emit(List{c})
	}
}
