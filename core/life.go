package core

import (
	"fmt"
	"time"
)

// Life is what makes a crash a Leave: it keeps an instance known as alive, and
// notices when another one is not. Like [Room] it is a pure state machine, one for
// each start of an instance: events go in by [Life.Step], effects come out. It
// keeps its records in the store itself, in a namespace of their own ([Records]):
//
//   - [Directory] has a member for each instance: its writer, with a counter
//     ("beat") that moves in each round; or "dead/" and its writer, with how often
//     its rooms were looked at since.
//   - "instance/" and a writer has the rooms that the instance has entered or is
//     about to enter: as "/" and the room's key; "alive"; and "last/" with the number
//     of the last commit to it.
//
// The rules that make it safe, whatever anybody's clock says:
//
//  1. A room is listed before anybody joins in it, by a commit that requires "alive".
//  2. An instance is given up by one commit that puts "dead/…" in its place in the
//     directory. Then "alive" is removed; what is listed by then is all there is.
//  3. Its age, as another sees it, is the number of the other's rounds in which its
//     counter stood still: consecutive ones, in each of which the other's own
//     counter was moved and the directory was read. So when the store was away for
//     all, nobody has aged.
//  4. Its list is kept: what it sent before it stood still may arrive late. So its
//     rooms are looked at three times: at once, after two leases, after an hour.
//  5. An instance that finds itself given up has no members any more that anybody
//     would vouch for: it is expelled, and starts again under a new writer.
//  6. Each commit to the own list, one in each lease at least, needs the one before.
//     So a store that went back, and has forgotten which rooms to look at, is noticed,
//     and has the same consequence.
//
// A Life is not safe for concurrent use.
type Life struct {
	writer, previous string
	opt              LifeOptions
	phase            phase
	n                uint64 // number of the last commit

	enrols   bool // it is time to enter the directory
	enrolled bool // it is there
	alive    bool // and "alive" is in the own list

	last    uint64 // number of the last commit to the own list, which is in it; 0: none
	touched uint64 // its round

	begun   time.Time // when the last round began
	round   uint64    // its number, and the counter in the directory
	beat    answer    // of the round under way: the commit
	read    answer    // and the load
	members []RecordMember
	peers   []peer  // by writer
	dead    []*dead // by writer

	rooms map[string]*listedRoom // by key
	queue []string               // rooms that are to be listed, or not any more
	flush bool                   // also what is in no hurry goes into the next commit
	batch int                    // members in one commit at most

	directory *recordCommit // under way
	own       *recordCommit

	fx []LifeEffect // of the step under way
}

// LifeOptions are a Life's figures. nil and zero fields are the defaults. All
// instances of an integration should have the same.
type LifeOptions struct {
	Interval time.Duration // between two Ticked; 2 s
	Lease    int           // rounds without a sign of life after which an instance is given up; 5
	LastLook int           // rounds after which the rooms of a dead instance are looked at last; an hour's
}

// Names of est's own records. Their namespace is [Records] of the integration's.
const (
	Directory = "instances" // of all instances

	instancePrefix = "instance/"
	aliveMember    = "alive"
	roomPrefix     = "/" // one byte: what is a key in any namespace is an ID too
	lastPrefix     = "last/"
	deadPrefix     = "dead/"
)

// Records is the namespace of the records that est keeps for an integration.
func Records(integration string) string { return ReservedPrefix + integration }

// phase is how far a Life is.
type phase uint8

const (
	unborn phase = iota
	living
	stopping // it takes back what it has in the store
	over
)

// answer is what a question of a round has come to.
type answer uint8

const (
	none answer = iota
	due
	asked
	good
	bad
)

// NewLife makes the machine of an instance that starts as writer: random, and the
// same that its rooms have. previous is the writer that this process had when it
// was expelled, or "".
func NewLife(writer, previous string, o *LifeOptions) *Life {
	l := &Life{writer: writer, previous: previous, rooms: map[string]*listedRoom{}, batch: maxChanges}
	if o != nil {
		l.opt = *o
	}
	if l.opt.Interval <= 0 {
		l.opt.Interval = 2 * time.Second
	}
	if l.opt.Lease <= 0 {
		l.opt.Lease = 5
	}
	if l.opt.LastLook <= 0 {
		l.opt.LastLook = max(1, int(time.Hour/l.opt.Interval))
	}
	return l
}

// Writer is the instance's name.
func (l *Life) Writer() string { return l.writer }

// Step takes in events, in order, and appends to fx what must be done.
func (l *Life) Step(fx []LifeEffect, events ...LifeEvent) []LifeEffect {
	l.fx = fx
	for _, ev := range events {
		if l.phase != over {
			l.take(ev)
		}
	}
	if l.phase != over {
		l.advance()
	}
	fx, l.fx = l.fx, nil
	return fx
}

func (l *Life) take(ev LifeEvent) {
	switch ev := ev.(type) {
	case Ticked:
		l.ticked(ev.Now)
	case Wanted:
		l.wanted(ev.Room)
	case Unwanted:
		l.unwanted(ev.Room, ev.Unsure)
	case Stopped:
		l.stop()
	case RecordLoaded:
		l.loaded(ev)
	case RecordUnread:
		l.unread(ev.Record)
	case RecordCommitted, RecordConflicted, RecordRefused, RecordUnanswered:
		l.answered(ev)
	case Reaped:
		l.reaped(ev.Room, ev.Instance, false)
	case Unreaped:
		l.reaped(ev.Room, ev.Instance, true)
	default:
		panic(fmt.Sprintf("core: unknown event %T", ev))
	}
}

// advance begins what can be begun: at most one commit to each record is under way.
func (l *Life) advance() {
	if l.directory == nil {
		l.directory = l.nextOfDirectory()
	}
	if l.own == nil {
		l.own = l.nextOfOwn()
	}
	if l.phase == stopping {
		l.leave()
		return
	}
	for _, d := range l.dead {
		l.pursue(d)
	}
}

func (l *Life) emit(fx LifeEffect) { l.fx = append(l.fx, fx) }
