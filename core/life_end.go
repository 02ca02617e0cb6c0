package core

import (
	"maps"
	"slices"
)

// The end of an instance that has nothing left to do.

// stop begins it: the list is emptied, then the instance leaves the directory. If a
// commit may still take place that nobody knows of, both stay, and the others see
// to it as if the instance had died.
func (l *Life) stop() {
	if l.phase == unborn || l.unsure() {
		l.end()
		return
	}
	l.phase = stopping
}

// unsure says whether a commit may still take place that nobody waits for.
func (l *Life) unsure() bool {
	for _, r := range l.rooms {
		if r.stored && l.round < r.until {
			return true
		}
	}
	return false
}

func (l *Life) end() {
	l.phase = over
	l.emit(End{})
}

// leave does the next step of it, once what was under way has ended.
func (l *Life) leave() {
	if l.own != nil || l.directory != nil {
		return
	}
	var changes []RecordChange
	for _, key := range slices.Sorted(maps.Keys(l.rooms)) {
		if l.rooms[key].stored && len(changes) < l.batch {
			changes = append(changes, RecordChange{Op: RemoveMember, ID: roomPrefix + key})
		}
	}
	if l.last > 0 && len(changes) < l.batch {
		changes = append(changes, RecordChange{Op: RemoveMember, ID: lastID(l.last)})
	}
	if l.alive && len(changes) < l.batch { // the last one
		changes = append(changes, RecordChange{Op: RemoveMember, ID: aliveMember})
	}
	switch {
	case len(changes) > 0:
		l.own = l.commit(instancePrefix+l.writer, retiring, "", changes...)
	case l.enrolled:
		l.directory = l.commit(Directory, retiring, "", RecordChange{Op: RemoveMember, ID: l.writer})
	default:
		l.end()
	}
}

// retired takes in what has become of such a step.
func (l *Life) retired(changes []RecordChange, committed bool, gone []string) {
	if !committed && gone == nil { // refused, which can't be: others see to the rest
		l.end()
		return
	}
	for _, ch := range changes {
		switch {
		case !committed && !slices.Contains(gone, ch.ID):
		case ch.ID == l.writer:
			l.enrolled = false
		case ch.ID == lastID(l.last):
			l.last = 0
		case ch.ID == aliveMember:
			l.alive = false
		default:
			delete(l.rooms, ch.ID[len(roomPrefix):])
		}
	}
}
