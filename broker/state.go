package broker

// State is all that a store knows of one record: its value, version, position,
// members and receipts. The zero State is a record that was never written, or
// was forgotten.
//
// A State never changes: [Apply] and [State.Age] return another one, which
// shares with it whatever is the same. So a copy is a snapshot, that may be read
// without a lock, kept, and gone on from in several ways; also with 10,000
// members, since a commit copies only the parts that it changes.
type State struct {
	value   []byte // nil: absent
	version Version
	at      Position
	members table[[]byte]

	// Who committed since the last Age, and who between the last two. No writer is
	// in both.
	recent, older table[receipt]
}

// receipt is the last commit of a writer. Its epoch is the State's, since a
// record lives at least as long as its receipts.
type receipt struct {
	n       uint64
	version Version
	seq     uint64
}

// Record returns what a Load answers. It is the caller's, except for the bytes.
func (s State) Record(members bool) Record {
	r := Record{Value: s.value, Version: s.version, At: s.at}
	if members && s.members.size > 0 {
		r.Members = make([]Member, 0, s.members.size)
		for id, data := range s.members.all() {
			r.Members = append(r.Members, Member{ID: id, Data: data})
		}
	}
	return r
}

// Age returns s without the receipts of those writers that have not committed
// since s, or what s has come from, was last aged. If neither a receipt nor a
// value nor a member is left, that is the zero State: the record is forgotten,
// and the next commit begins a new epoch. A store that ages a record once per
// retention time keeps each receipt for one to two of them.
func (s State) Age() State {
	s.recent, s.older = table[receipt]{}, s.recent
	if s.Empty() {
		return State{}
	}
	return s
}

// Receipts returns the number of receipts that s keeps. At zero there is nothing
// to age.
func (s State) Receipts() int { return s.recent.size + s.older.size }

// Empty says whether s is as good as the zero State: there is neither value nor
// member nor receipt, and a store may drop it.
func (s State) Empty() bool {
	return s.value == nil && s.members.size == 0 && s.Receipts() == 0
}

// receipt returns the last commit of writer, if it is known.
func (s State) receipt(writer string) (receipt, bool) {
	if r, ok := s.recent.get(writer); ok {
		return r, true
	}
	return s.older.get(writer)
}
