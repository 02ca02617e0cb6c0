package core

import "time"

// LifeEvent is something that happened, told to a [Life] by its driver. The set
// is closed. Slices in an event are the machine's from then on, and read-only.
type LifeEvent interface{ lifeEvent() }

// Events of the instance.
type (
	// Ticked comes once in each interval, the first one at the start.
	Ticked struct{ Now time.Time }
	// Wanted: a room's machine asks to be listed (effect List). Answered by Admit.
	Wanted struct{ Room string }
	// Unwanted: that machine was dropped. Unsure says that a commit of it ended as
	// Forgotten, so that the room must stay listed for as long as
	// a dead instance's.
	Unwanted struct {
		Room   string
		Unsure bool
	}
	// Stopped: the instance has no members any more, and ends. Answered by End.
	Stopped struct{}
	// Reaped answers Reap: all members of the instance that the room had are gone.
	Reaped struct{ Room, Instance string }
	// Unreaped answers Reap likewise: but for members that can't be read here, since
	// their schema is not known. The instance's rooms are left to others.
	Unreaped struct{ Room, Instance string }
)

// Events of the store.
type (
	// RecordLoaded answers LoadRecord. Members are sorted by ID.
	RecordLoaded struct {
		Record  string
		Members []RecordMember
	}
	// RecordUnread answers LoadRecord: the store can't be reached.
	RecordUnread struct{ Record string }
	// RecordCommitted answers CommitRecord: it was applied, now or before.
	RecordCommitted struct {
		Record string
		N      uint64
	}
	// RecordConflicted answers CommitRecord: it was not applied, since the members
	// Gone are not there.
	RecordConflicted struct {
		Record string
		N      uint64
		Gone   []string
	}
	// RecordRefused answers CommitRecord: the store will never take it. Reason is for
	// the log.
	RecordRefused struct {
		Record string
		N      uint64
		Reason string
	}
	// RecordUnanswered answers CommitRecord: it may have been applied or not.
	RecordUnanswered struct {
		Record string
		N      uint64
	}
)

// RecordMember is an entry in one of est's own records.
type RecordMember struct {
	ID   string
	Data []byte
}

// RecordChange is what a commit does to one of them.
type RecordChange struct {
	Op   MemberOp
	ID   string
	Data []byte // for AddMember and UpdateMember
}

func (Ticked) lifeEvent()           {}
func (Wanted) lifeEvent()           {}
func (Unwanted) lifeEvent()         {}
func (Stopped) lifeEvent()          {}
func (Reaped) lifeEvent()           {}
func (Unreaped) lifeEvent()         {}
func (RecordLoaded) lifeEvent()     {}
func (RecordUnread) lifeEvent()     {}
func (RecordCommitted) lifeEvent()  {}
func (RecordConflicted) lifeEvent() {}
func (RecordRefused) lifeEvent()    {}
func (RecordUnanswered) lifeEvent() {}
