package core

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"
)

// What is done about a dead instance. Its rooms are looked at three times, by
// whoever comes first: the one that gave it up, or else the living by turns, so
// that they don't all do the same. How far that is, the directory says.

const (
	looks   = 3 // at a dead instance's rooms
	reapers = 4 // rooms of a dead instance that are reaped at the same time
)

// dead is a dead instance, as the directory has it, and what is done about it here.
type dead struct {
	writer string
	looks  int    // that have been made, says the directory
	rounds int    // since it says so
	mine   bool   // this instance gave it up, so it begins
	gone   bool   // it is not in the directory any more
	alien  bool   // its entry, or a member of it, can't be read here: that is for others
	data   []byte // its entry
	done   int    // looks, as far as is known here; all of them: the list is empty too
	tried  uint64 // the round in which the directory was told
	failed uint64 // the round in which a look failed

	step    step
	commit  *recordCommit // to its list, under way
	loading bool          // its list
	members []string      // of its list
	waiting []string      // rooms to be reaped
	reaping []string      // rooms that are being reaped
}

// step is what a look is at.
type step uint8

const (
	idle     step = iota
	closing       // the list: from here on nothing is added to it
	reading       // the list
	reaping       // the rooms
	emptying      // the list, after the last look
)

func (d *dead) busy() bool { return d.commit != nil || d.loading || len(d.reaping) > 0 }

func (l *Life) deadOne(writer string) (int, bool) {
	return slices.BinarySearchFunc(l.dead, writer, func(d *dead, w string) int { return strings.Compare(d.writer, w) })
}

// mourn takes in what the directory says of a dead instance.
func (l *Life) mourn(writer string, data []byte) *dead {
	e, err := decodeEntry(data)
	i, known := l.deadOne(writer)
	if !known {
		l.dead = slices.Insert(l.dead, i, &dead{writer: writer, looks: -1})
	}
	d := l.dead[i]
	if err != nil && !d.alien {
		l.emit(Report{What: "the dead instance " + writer, Text: err.Error()})
	}
	d.gone, d.alien, d.data = false, d.alien || err != nil, data
	if n := min(max(e.Looks, 0), looks-1); n != d.looks { // somebody has made one, or it begins anew
		d.looks, d.done, d.rounds, d.step, d.alien = n, n, 0, idle, err != nil
	} else {
		d.rounds++
	}
	return d
}

// giveUp has the peer that was just given up looked at without delay.
func (l *Life) giveUp(writer string) {
	if i, ok := l.peer(writer); ok {
		l.peers = slices.Delete(l.peers, i, i+1)
	}
	l.mourn(writer, entry{}.encode()).mine = true
}

// pursue begins a look when it is due.
func (l *Life) pursue(d *dead) {
	delay := [looks]int{0, 2 * l.opt.Lease, l.opt.LastLook}[d.looks]
	if d.step != idle || d.busy() || d.gone || d.alien || d.done > d.looks || d.rounds < delay || d.failed == l.round {
		return
	}
	if d.mine || d.rounds >= delay+l.rank(d.writer)*l.opt.Lease {
		d.step = closing
		d.commit = l.commit(instancePrefix+d.writer, fencing, d.writer, RecordChange{Op: RemoveMember, ID: aliveMember})
	}
}

// rank is how many of the living come before this instance in seeing to writer.
func (l *Life) rank(writer string) (n int) {
	own := turn(l.writer, writer)
	for _, p := range l.peers {
		if turn(p.writer, writer) < own {
			n++
		}
	}
	return n
}

func turn(living, dead string) uint64 {
	h := fnv.New128a()
	h.Write([]byte(living + "/" + dead))
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// progress takes in what has become of a commit to a dead instance's list.
func (l *Life) progress(c *recordCommit, committed, conflicted bool) {
	i, ok := l.deadOne(c.writer)
	if !ok {
		return
	}
	switch d := l.dead[i]; {
	case d.step == closing && c.kind == fencing && (committed || conflicted): // or it was gone before
		d.step, d.loading = reading, true
		l.emit(LoadRecord{instancePrefix + d.writer})
	case d.step == emptying && c.kind == clearing && committed:
		d.members = d.members[len(c.Changes):]
		l.clear(d)
	case d.step == closing || d.step == emptying: // again in the next round
		d.step, d.failed = idle, l.round
	}
}

// listRead takes in the list of a dead instance.
func (l *Life) listRead(record string, members []RecordMember, ok bool) {
	i, known := l.deadOne(strings.TrimPrefix(record, instancePrefix))
	if !known || !l.dead[i].loading {
		return
	}
	d := l.dead[i]
	d.loading = false
	switch {
	case d.step != reading:
	case !ok:
		d.step, d.failed = idle, l.round
	default:
		d.step, d.members, d.waiting = reaping, nil, nil
		for _, m := range members {
			d.members = append(d.members, m.ID)
			if key, room := strings.CutPrefix(m.ID, roomPrefix); room {
				d.waiting = append(d.waiting, key)
			}
		}
		l.reap(d)
	}
}

// reap goes on with the rooms.
func (l *Life) reap(d *dead) {
	for len(d.waiting) > 0 && len(d.reaping) < reapers {
		key := d.waiting[0]
		d.waiting, d.reaping = d.waiting[1:], append(d.reaping, key)
		l.emit(Reap{key, d.writer})
	}
	switch {
	case len(d.reaping) > 0:
	case d.alien: // the look is not made
		d.step = idle
	case d.looks < looks-1:
		d.done, d.step = d.looks+1, idle
	default:
		d.step = emptying
		l.clear(d)
	}
}

// reaped takes in that all was done in a room that can be done here.
func (l *Life) reaped(room, instance string, alien bool) {
	if i, ok := l.deadOne(instance); ok {
		d := l.dead[i]
		d.reaping = slices.DeleteFunc(d.reaping, func(key string) bool { return key == room })
		d.alien = d.alien || alien
		if d.step == reaping {
			l.reap(d)
		}
	}
}

// clear goes on emptying the list, after the last look.
func (l *Life) clear(d *dead) {
	if len(d.members) == 0 {
		d.done, d.step = looks, idle
		return
	}
	var changes []RecordChange
	for _, id := range d.members[:min(len(d.members), maxChanges)] {
		changes = append(changes, RecordChange{Op: RemoveMember, ID: id})
	}
	d.commit = l.commit(instancePrefix+d.writer, clearing, d.writer, changes...)
}
