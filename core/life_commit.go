package core

import "slices"

// maxChanges is how many members any store takes in a commit (rule 4 of package broker).
const maxChanges = 300

// recordCommit is a commit to one of est's own records that is under way.
type recordCommit struct {
	CommitRecord
	kind   commitKind
	writer string // whom it is about
}

type commitKind uint8

const (
	enrolling commitKind = iota // in the directory, at the start
	beating                     // moves the own counter
	givingUp                    // a peer
	noting                      // how far the dead one's rooms have been looked at
	burying                     // removes the dead one from the directory
	enlisting                   // changes the own list
	retiring                    // takes back what the instance has in the store
	fencing                     // removes "alive" from the dead one's list
	clearing                    // the dead one's list
)

func (l *Life) commit(record string, kind commitKind, writer string, changes ...RecordChange) *recordCommit {
	l.n++
	c := &recordCommit{CommitRecord{Record: record, N: l.n, Changes: changes}, kind, writer}
	l.emit(c.CommitRecord)
	return c
}

// nextOfDirectory is the next commit to the directory; nil if there is none.
func (l *Life) nextOfDirectory() *recordCommit {
	switch {
	case l.phase != living:
		return nil
	case l.enrols && !l.enrolled:
		l.enrols = false
		changes := []RecordChange{{AddMember, l.writer, l.ownEntry()}}
		if l.previous != "" { // whoever has expelled it may not have said so: a store that went back
			changes = append(changes, RecordChange{AddMember, deadPrefix + l.previous, entry{}.encode()})
		}
		return l.commit(Directory, enrolling, "", changes...)
	case l.beat == due:
		l.beat = asked
		return l.commit(Directory, beating, "", RecordChange{UpdateMember, l.writer, l.ownEntry()})
	}
	for i := range l.peers {
		if p := &l.peers[i]; p.tried < l.round && l.expired(p) {
			p.tried = l.round
			return l.commit(Directory, givingUp, p.writer,
				RecordChange{Op: RemoveMember, ID: p.writer}, RecordChange{AddMember, deadPrefix + p.writer, entry{}.encode()})
		}
	}
	for _, d := range l.dead {
		if d.gone || d.tried == l.round || d.done == d.looks {
			continue
		}
		d.tried = l.round
		if d.done == looks {
			return l.commit(Directory, burying, d.writer, RecordChange{Op: RemoveMember, ID: deadPrefix + d.writer})
		}
		return l.commit(Directory, noting, d.writer, RecordChange{UpdateMember, deadPrefix + d.writer, withLooks(d.data, d.done)})
	}
	return nil
}

// answered takes in the answer of a commit.
func (l *Life) answered(ev LifeEvent) {
	record, n := answerOf(ev)
	c := l.land(record, n)
	if c == nil {
		return
	}
	if r, ok := ev.(RecordRefused); ok && c.kind == enlisting {
		l.emit(Report{What: "commit of " + record, Text: r.Reason})
	}
	_, unanswered := ev.(RecordUnanswered)
	_, committed := ev.(RecordCommitted)
	gone := goneOf(ev)
	switch c.kind {
	case enrolling:
		if unanswered {
			l.directory = l.again(c)
		}
		l.enrolled, l.flush = committed, true
	case beating:
		l.beaten(committed, gone)
	case givingUp:
		if committed {
			l.giveUp(c.writer)
		}
	case noting, burying: // the next round shows what has become of it
	case enlisting:
		switch {
		case unanswered:
			l.own = l.again(c)
		case slices.Contains(gone, aliveMember), slices.Contains(gone, lastID(l.last)) && c.Again == 0:
			l.fenced()
		case slices.Contains(gone, lastID(l.last)): // by this very commit, so long ago that the store has forgotten it
			l.last = c.N
			l.relist(c, false, gone)
		default:
			l.relist(c, committed, gone)
		}
	case retiring:
		switch {
		case unanswered && c.Record == Directory:
			l.directory = l.again(c)
		case unanswered:
			l.own = l.again(c)
		default:
			l.retired(c.Changes, committed, gone)
		}
	case fencing, clearing:
		l.progress(c, committed, len(gone) > 0)
	}
}

// fenced: the others have given this instance up, or might not find what it has.
func (l *Life) fenced() {
	if l.phase == stopping { // they see to what is left
		l.end()
		return
	}
	l.phase = over
	l.emit(Expel{})
}

// land ends the commit that an answer is for; nil if it is for none.
func (l *Life) land(record string, n uint64) (c *recordCommit) {
	switch {
	case l.directory != nil && l.directory.Record == record && l.directory.N == n:
		c, l.directory = l.directory, nil
	case l.own != nil && l.own.Record == record && l.own.N == n:
		c, l.own = l.own, nil
	default:
		for _, d := range l.dead {
			if d.commit != nil && d.commit.Record == record && d.commit.N == n {
				c, d.commit = d.commit, nil
			}
		}
	}
	return c
}

// again sends the same commit once more: only its answer says what became of it.
func (l *Life) again(c *recordCommit) *recordCommit {
	c.Again++
	l.emit(c.CommitRecord)
	return c
}

func answerOf(ev LifeEvent) (record string, n uint64) {
	switch ev := ev.(type) {
	case RecordCommitted:
		return ev.Record, ev.N
	case RecordConflicted:
		return ev.Record, ev.N
	case RecordRefused:
		return ev.Record, ev.N
	case RecordUnanswered:
		return ev.Record, ev.N
	}
	return "", 0
}

func goneOf(ev LifeEvent) []string {
	if c, ok := ev.(RecordConflicted); ok {
		return c.Gone
	}
	return nil
}
