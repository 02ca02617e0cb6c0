package broker

import (
	"fmt"
	"slices"
	"strconv"
)

// Apply is what a commit does, as a pure function: no clock, no randomness, and
// s stays what it is. It returns the state after c and c's receipt; or s itself
// with the receipt of the first time if c was applied before; or s itself with
// an error, which is a [*Conflict], or wraps [ErrStale] or [ErrInvalid].
//
// The messages of c are the store's to publish, if the position of the new state
// is not that of s any more: they have the sequence numbers in between. Limits
// of size are the store's too. The state keeps the bytes of the value and of the
// members' data, and nothing else of c.
func Apply(s State, c Commit) (State, Receipt, error) {
	if err := c.Validate(); err != nil {
		return s, Receipt{}, err
	}
	if last, ok := s.receipt(c.ID.Writer); ok {
		if c.ID.N == last.n {
			return s, Receipt{Version: last.version, At: Position{Epoch: s.at.Epoch, Seq: last.seq}}, nil
		}
		if c.ID.N < last.n {
			return s, Receipt{}, fmt.Errorf("%w: this is number %d, that was %d", ErrStale, c.ID.N, last.n)
		}
	}
	gone := s.gone(c.Members)
	if gone != nil || c.Expect != nil && *c.Expect != s.version {
		return s, Receipt{}, &Conflict{Record: s.Record(false), Gone: gone}
	}
	return apply(s, c)
}

// apply does what c says; it has been checked.
func apply(s State, c Commit) (State, Receipt, error) {
	if s.at.Epoch == "" {
		s.at.Epoch = c.ID.name()
	}
	switch c.Value.Op {
	case Put:
		s.value = slices.Clip(c.Value.Value) // an append by a reader must not write into it
		if s.value == nil {
			s.value = []byte{}
		}
		s.version = Version(c.ID.name())
	case Delete:
		s.value = nil
		s.version = Version(c.ID.name())
	}
	var space [8]edit[[]byte] // enough for the usual case
	s.members = s.members.with(memberEdits(space[:0], c.Members))
	s.at.Seq += uint64(len(c.Messages))

	w := c.ID.Writer
	s.recent = s.recent.with([]edit[receipt]{{key: w, value: receipt{n: c.ID.N, version: s.version, seq: s.at.Seq}}})
	if _, ok := s.older.get(w); ok {
		s.older = s.older.with([]edit[receipt]{{key: w, remove: true}})
	}
	return s, Receipt{Version: s.version, At: s.at}, nil
}

// name is different for any two ids: the last dash is where the number begins.
func (id CommitID) name() string {
	b := make([]byte, 0, 64)
	b = append(b, id.Writer...)
	b = append(b, '-')
	return string(strconv.AppendUint(b, id.N, 10))
}

// gone returns the IDs of the members that changes needs and s has not, sorted;
// nil if there are none.
func (s State) gone(changes []MemberChange) (ids []string) {
	for _, m := range changes {
		if m.Op == Add {
			continue
		}
		if _, ok := s.members.get(m.ID); !ok {
			ids = append(ids, m.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// memberEdits appends what changes do to the table of members. Those that only
// require do nothing, and cost nothing.
func memberEdits(edits []edit[[]byte], changes []MemberChange) []edit[[]byte] {
	for _, m := range changes {
		if m.Op != Require {
			edits = append(edits, edit[[]byte]{key: m.ID, value: slices.Clip(m.Data), remove: m.Op == Remove})
		}
	}
	sortEdits(edits)
	return edits
}
