package core

// LifeEffect is something that the driver of a [Life] must do. Like an [Effect]
// it is plain data. The set is closed; [Report] is in it too.
type LifeEffect interface{ lifeEffect() }

// Effects on est's own records: Record is a room key in the namespace [Records].
// They may be carried out beside each other; at most one LoadRecord and one
// CommitRecord of each record are under way.
type (
	// LoadRecord reads the members. Answered by RecordLoaded, RecordUnread.
	LoadRecord struct{ Record string }
	// CommitRecord changes members, whatever the version is. Answered by
	// RecordCommitted, RecordConflicted, RecordRefused, RecordUnanswered.
	CommitRecord struct {
		Record  string
		N       uint64 // its number; the writer is the machine's
		Again   int    // how often the same commit was sent before: pause before
		Changes []RecordChange
	}
)

// Effects on the instance.
type (
	// Admit: the room is listed. The driver answers the List of its machine by Listed.
	Admit struct{ Room string }
	// Reap: Instance is dead. The driver loads the room, with its members, gives the
	// machine of the room an Orphaned for each one of Instance, and answers Reaped
	// when all of them are Gone; or Unreaped. While it shuts down it need not.
	Reap struct{ Room, Instance string }
	// Expel: the others have given this instance up, or might not find what it has. Its machines are told so
	// (Expelled), and the instance starts again with a new Life under a new writer,
	// whose machines get whoever enters from now on. The last effect.
	Expel struct{}
	// End answers Stopped: nothing is left to be done. The last effect.
	End struct{}
)

func (LoadRecord) lifeEffect()   {}
func (CommitRecord) lifeEffect() {}
func (Admit) lifeEffect()        {}
func (Reap) lifeEffect()         {}
func (Expel) lifeEffect()        {}
func (End) lifeEffect()          {}
func (Report) lifeEffect()       {}
