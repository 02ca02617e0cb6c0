package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Key names a room's record and its message log. Any two different Keys are
// different rooms, whatever characters they hold (rule 1).
type Key struct{ Namespace, Room string }

// String is for logs and errors; it is not injective.
func (k Key) String() string { return k.Namespace + "/" + k.Room }

// Broker is the store and message bus that instances share. All methods may be
// called concurrently. The package comment has the rules, by number.
type Broker interface {
	// Load reads a record. A record that was never written, or was forgotten, is
	// the zero Record and no error. Members are read if members is true.
	Load(ctx context.Context, key Key, members bool) (Record, error)

	// Commit applies c atomically, or not at all. A *[Conflict] says that it was
	// decided on something that is no longer so; [ErrTooLarge], [ErrStale] and
	// [ErrInvalid] that it can never be applied; any other error, among them the
	// context's and [ErrOutcomeUnknown], that it may have been applied or not:
	// the same commit, sent again, finds out.
	Commit(ctx context.Context, key Key, c Commit) (Receipt, error)

	// Subscribe calls h for every message committed to key after Subscribe has
	// returned, until the subscription is closed. ctx bounds the call only, not
	// the subscription.
	Subscribe(ctx context.Context, key Key, h Handler) (Subscription, error)

	// Close ends all subscriptions and fails what is under way with [ErrClosed].
	// It waits for handlers that are running until ctx ends, and then returns
	// ctx's error; the broker is closed all the same. After it has returned, no
	// handler is called. It may be called twice.
	Close(ctx context.Context) error
}

// CommitID names a commit: the N-th of its writer. Writer is random, at least
// 128 bits, never used again and never empty. A writer numbers its commits
// upwards from 1, with gaps if it likes, and has one commit under way at a time
// in one room. The same CommitID is always the same commit (rule 15).
type CommitID struct {
	Writer string
	N      uint64
}

// Version names the commit that last put or deleted a record's value. Versions
// are compared for equality only; "" is: never written, or forgotten.
type Version string

// Position is where a room's message log is: the sequence number of its last
// message, in an epoch that begins when the record does. The zero Position is:
// no record.
type Position struct {
	Epoch string
	Seq   uint64
}

// Member is an entry in a record's list of members. ID and Data are opaque to
// the broker; nil Data is empty Data.
type Member struct {
	ID   string
	Data []byte
}

// Record is what a room has in the store. Its slices are read-only for the
// receiver, which may keep them.
type Record struct {
	Value   []byte // nil: absent; empty isn't
	Version Version
	At      Position // read atomically with Value
	Members []Member // where asked for, sorted by ID
}

// Op says what a [Change] does to the value.
type Op uint8

// The operations of a [Change].
const (
	Keep Op = iota
	Put
	Delete
)

// Change is what a commit does to the record's value.
type Change struct {
	Op    Op
	Value []byte // for Put, where nil counts as empty; nil otherwise
}

// MemberOp says what a [MemberChange] does.
type MemberOp uint8

// The operations of a [MemberChange]. All but Add need the member to exist.
const (
	Require MemberOp = iota // leave it as it is
	Add                     // with Data, whether it exists or not
	Replace                 // its Data
	Remove
)

// MemberChange is what a commit does to one member. A commit has at most one
// for each ID.
type MemberChange struct {
	Op   MemberOp
	ID   string
	Data []byte // for Add and Replace; nil otherwise
}

// Commit is one atomic step of a room. Its slices belong to the broker from the
// call on: the caller must not change them afterwards.
type Commit struct {
	ID       CommitID
	Expect   *Version // nil: any
	Value    Change
	Members  []MemberChange
	Messages [][]byte
}

// Receipt is the answer to a commit; the same one each time that the commit is
// sent.
type Receipt struct {
	Version Version  // the record's, after the commit
	At      Position // of the commit's last message, or of the record if it has none
}

// Conflict is the error of a commit that was decided on something that is no
// longer so: the version moved, or members that it needs are gone. Nothing was
// applied.
type Conflict struct {
	Record Record   // as it is now, without Members
	Gone   []string // the needed members that are not there, sorted
}

func (c *Conflict) Error() string {
	if len(c.Gone) > 0 {
		return fmt.Sprintf("broker: conflict: members are gone: %s", strings.Join(c.Gone, ", "))
	}
	return fmt.Sprintf("broker: conflict: the version is %q by now", c.Record.Version)
}

// Message is a committed message as a subscriber gets it. Body is read-only, and
// shared with other subscribers.
type Message struct {
	At      Position // its own
	Commit  CommitID
	Version Version // the record's, after that commit
	Body    []byte
}

// Handler is what a subscriber wants called: one call at a time, in the order of
// the log. Neither function may be nil. They should return soon: a slow one
// fills its subscription's queue, and an overflow is a gap.
type Handler struct {
	Message func(Message)

	// Gap says that continuity is uncertain from here on: messages may or may not
	// have been lost before the next one. Who cares loads the position and compares.
	Gap func(reason error)
}

// Subscription is a live subscription.
type Subscription interface {
	// Close ends it: no call of the handler follows. It does not wait for one that
	// is under way, so a handler may call it; that call may go on, or only just
	// begin, when Close has returned. Calling it again does nothing.
	Close(ctx context.Context) error
}

// The errors that a broker answers with, found by errors.Is.
var (
	// ErrClosed is the answer of a broker that has been closed.
	ErrClosed = errors.New("broker: closed")
	// ErrTooLarge refuses a commit, key or subscription that is over the store's limits.
	ErrTooLarge = errors.New("broker: too large")
	// ErrOutcomeUnknown says that a commit may have been applied or not.
	ErrOutcomeUnknown = errors.New("broker: outcome unknown")
	// ErrStale refuses a commit whose writer has committed a higher number already.
	ErrStale = errors.New("broker: a later commit of this writer was applied already")
	// ErrInvalid refuses a commit that breaks the rules of its form.
	ErrInvalid = errors.New("broker: invalid commit")
)
