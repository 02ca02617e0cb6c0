package core

// Rooms makes the machines of an integration's rooms. It is what they share: an
// instance has one, and may use it from several goroutines.
type Rooms[C, R any] struct {
	in    *Integration[C, R]
	formC form[C]
	formR form[R]
}

// RoomsOf makes the Rooms of an integration, which must not be changed any more.
func RoomsOf[C, R any](in *Integration[C, R]) *Rooms[C, R] {
	return &Rooms[C, R]{in: in, formC: formOf[C](), formR: formOf[R]()}
}

// RoomOptions are a Room's limits. nil and zero fields are the defaults.
type RoomOptions struct {
	Batch int // transitions in one commit at most; 64
	Hold  int // messages that wait for the store at most; more is a gap; 1024

	// List has nobody join before the driver has answered the effect List: for
	// drivers that run a [Life]. Default: a crash of the instance leaves its members.
	List bool

	// Wait has a message that a Load shows to be missing believed so only when it has
	// not come by the answer of the effect Wait: for drivers whose Load may be answered
	// faster than a message comes that was committed before. Default: at once.
	Wait bool
}

// New makes the machine of a room. writer is the instance's name as a committer:
// random at each start of an instance. Commits are numbered from after+1, so an
// instance that drops a Room and makes it again passes a number that is not below
// the old one's [Room.Number].
func (rs *Rooms[C, R]) New(key, writer string, after uint64, o *RoomOptions) *Room[C, R] {
	r := &Room[C, R]{
		in: rs.in, formC: &rs.formC, formR: &rs.formR,
		key: key, writer: writer, n: after,
		members:  map[ConnID]*member[C]{},
		identity: map[string][]*member[C]{},
	}
	if o != nil {
		r.opt = *o
	}
	if r.opt.Batch <= 0 {
		r.opt.Batch = 64
	}
	if r.opt.Hold <= 0 {
		r.opt.Hold = 1024
	}
	r.limit = r.opt.Batch
	if key == "" {
		r.known, r.link = true, linkLive
	}
	if key == "" || !r.opt.List {
		r.listing = listed
	}
	return r
}
