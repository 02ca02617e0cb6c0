package core

import (
	"slices"
	"strconv"
	"strings"
)

// The own list: the rooms that this instance has entered or is about to enter.
// Listing is in a hurry, for a connection waits for it; taking a room off is not.

// listedRoom is what is known of a room in the own list.
type listedRoom struct {
	stored bool   // it is in the list
	moving bool   // a commit that changes that is under way
	wanted bool   // a machine is there
	asked  bool   // and has not been told that the room is listed
	until  uint64 // the round before which it must stay: a commit may arrive late
}

// wanted lists a room. Several that come while a commit is under way share the next.
func (l *Life) wanted(key string) {
	r := l.rooms[key]
	if r == nil {
		r = &listedRoom{}
		l.rooms[key] = r
	}
	r.wanted = true
	if r.stored && !r.moving {
		l.emit(Admit{key})
		return
	}
	r.asked = true
	l.enqueue(key)
}

func (l *Life) unwanted(key string, unsure bool) {
	r := l.rooms[key]
	if r == nil {
		return
	}
	r.wanted, r.asked = false, false
	if unsure {
		r.until = l.round + uint64(l.opt.LastLook)
	}
	l.enqueue(key)
}

func (l *Life) enqueue(key string) {
	if !slices.Contains(l.queue, key) {
		l.queue = append(l.queue, key)
	}
}

// nextOfOwn is the next commit to the own list; nil if there is none.
func (l *Life) nextOfOwn() *recordCommit {
	if l.phase != living || !l.enrolled || !l.hurries() {
		return nil
	}
	alive := RecordChange{Op: RequireMember, ID: aliveMember}
	if !l.alive {
		alive = RecordChange{AddMember, aliveMember, entry{}.encode()}
	}
	changes := []RecordChange{alive, {Op: AddMember, ID: lastID(l.n + 1)}}
	if l.last > 0 {
		changes = append(changes, RecordChange{Op: RemoveMember, ID: lastID(l.last)})
	}
	head := len(changes)
	rest := l.queue[:0]
	for _, key := range l.queue {
		r := l.rooms[key]
		switch {
		case r == nil:
		case r.wanted == r.stored: // by now it is as it should be
			l.settle(key, r)
		case len(changes) >= l.batch || !r.wanted && l.round < r.until:
			rest = append(rest, key)
		case r.wanted:
			r.moving = true
			changes = append(changes, RecordChange{Op: AddMember, ID: roomPrefix + key})
		default:
			r.moving = true
			changes = append(changes, RecordChange{Op: RemoveMember, ID: roomPrefix + key})
		}
	}
	l.queue, l.flush = rest, false
	if len(changes) == head && l.alive && l.round < l.touched+uint64(l.opt.Lease) {
		return nil
	}
	l.touched = l.round
	return l.commit(instancePrefix+l.writer, enlisting, "", changes...)
}

// hurries says whether there is something that does not wait for the next round.
func (l *Life) hurries() bool {
	return l.flush || slices.ContainsFunc(l.queue, func(key string) bool { return l.rooms[key] != nil && l.rooms[key].wanted })
}

// settle is for a room whose place is what it should be.
func (l *Life) settle(key string, r *listedRoom) {
	if r.asked && r.stored {
		r.asked = false
		l.emit(Admit{key})
	}
	if !r.wanted && !r.stored {
		delete(l.rooms, key)
	}
}

// lastID is what the n-th commit leaves in the own list.
func lastID(n uint64) string { return lastPrefix + strconv.FormatUint(n, 10) }

// relist takes in what has become of a commit to the own list.
func (l *Life) relist(c *recordCommit, committed bool, gone []string) {
	if committed {
		l.alive, l.last = true, c.N
	}
	refused := !committed && gone == nil
	if l.batch = maxChanges; refused {
		l.batch = max(4, len(c.Changes)/2) // one room
	}
	for _, ch := range c.Changes {
		key, room := strings.CutPrefix(ch.ID, roomPrefix)
		if !room {
			continue
		}
		r := l.rooms[key]
		r.moving = false
		switch {
		case committed:
			r.stored = ch.Op == AddMember
		case slices.Contains(gone, ch.ID):
			r.stored = false
		case refused && len(c.Changes) <= 4: // this is the one that the store won't take
			r.wanted, r.asked = r.stored, false
		}
		if r.wanted == r.stored {
			l.settle(key, r)
		} else {
			l.enqueue(key)
		}
	}
}
