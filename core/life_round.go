package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rounds: in each one the own counter is moved and the directory is read. What
// follows from it is decided when both have gone well.

// peer is another instance, as the directory has it.
type peer struct {
	writer string
	data   []byte // as it was when it moved last
	age    int    // rounds since
	tried  uint64 // the round in which it was tried to give it up
}

// entry is the data of a member of the directory.
type entry struct {
	Schema int           `json:"est"`
	Beat   uint64        `json:"beat,omitempty"`
	Every  time.Duration `json:"every,omitempty"` // interval, in milliseconds
	Looks  int           `json:"looks,omitempty"` // of the dead
}

func (e entry) encode() []byte {
	e.Schema = schema
	b, err := json.Marshal(e)
	if err != nil { // numbers: can't be
		panic(fmt.Sprintf("core: encode entry: %v", err))
	}
	return b
}

func decodeEntry(data []byte) (e entry, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("core: decode entry: %w", err)
	}
	if e.Schema != schema {
		return e, fmt.Errorf("core: decode entry: schema %d is not known here, only %d: update this instance", e.Schema, schema)
	}
	return e, nil
}

// withLooks changes the looks of an entry, and nothing else: a later version of est
// may have written more into it.
func withLooks(data []byte, n int) []byte {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(data, &fields) != nil { // it was read before: can't be
		return entry{Looks: n}.encode()
	}
	fields["looks"] = json.RawMessage(strconv.Itoa(n))
	b, err := json.Marshal(fields)
	if err != nil {
		panic(fmt.Sprintf("core: encode entry: %v", err))
	}
	return b
}

func (l *Life) ownEntry() []byte {
	return entry{Beat: l.round, Every: l.opt.Interval / time.Millisecond}.encode()
}

// ticked begins a round, unless the one before is still under way. Where rounds
// don't follow each other, what was seen before is too old to count.
func (l *Life) ticked(now time.Time) {
	if l.phase == unborn {
		l.phase = living
	}
	l.flush = true
	if l.enrols = !l.enrolled; l.enrols || l.phase != living || l.beat != none || l.read != none {
		return
	}
	if now.Sub(l.begun) > 2*l.opt.Interval {
		l.lose()
	}
	l.begun = now
	l.round++
	l.beat, l.read = due, asked
	l.emit(LoadRecord{Directory})
}

// lose forgets how old others are: for all one knows they live.
func (l *Life) lose() { l.peers = nil }

func (l *Life) loaded(ev RecordLoaded) {
	if ev.Record != Directory {
		l.listRead(ev.Record, ev.Members, true)
		return
	}
	if l.read == asked {
		l.read, l.members = good, ev.Members
		l.endRound()
	}
}

func (l *Life) unread(record string) {
	if record != Directory {
		l.listRead(record, nil, false)
		return
	}
	if l.read == asked {
		l.read = bad
		l.endRound()
	}
}

func (l *Life) beaten(committed bool, gone []string) {
	if slices.Contains(gone, l.writer) {
		l.fenced()
		return
	}
	if l.beat = bad; committed {
		l.beat = good
	}
	l.endRound()
}

// endRound ends the round when both its halves are known.
func (l *Life) endRound() {
	if l.beat < good || l.read < good {
		return
	}
	well, members := l.beat == good && l.read == good, l.members
	l.beat, l.read, l.members = none, none, nil
	if well {
		l.observe(members)
	} else {
		l.lose()
	}
}

// observe takes in the directory.
func (l *Life) observe(members []RecordMember) {
	if slices.ContainsFunc(members, func(m RecordMember) bool { return m.ID == deadPrefix+l.writer }) {
		l.fenced() // whatever else it says: others see to its rooms
		return
	}
	peers := make([]peer, 0, len(members))
	for _, d := range l.dead {
		d.gone = true
	}
	for _, m := range members {
		if w, is := strings.CutPrefix(m.ID, deadPrefix); is {
			l.mourn(w, m.Data)
			continue
		}
		if m.ID == l.writer {
			continue
		}
		p := peer{writer: m.ID, data: m.Data}
		if i, ok := l.peer(m.ID); ok && bytes.Equal(l.peers[i].data, m.Data) {
			p = l.peers[i]
			p.age++
		}
		peers = append(peers, p)
	}
	l.peers = peers
	l.dead = slices.DeleteFunc(l.dead, func(d *dead) bool { return d.gone && !d.busy() })
}

func (l *Life) peer(writer string) (int, bool) {
	return slices.BinarySearchFunc(l.peers, writer, func(p peer, w string) int { return strings.Compare(p.writer, w) })
}

// expired says whether a peer is to be given up. One that beats more slowly than
// this instance has as much more time.
func (l *Life) expired(p *peer) bool {
	lease := l.opt.Lease
	if p.age < lease {
		return false
	}
	if e, err := decodeEntry(p.data); err == nil && e.Every*time.Millisecond > l.opt.Interval {
		lease *= int((e.Every*time.Millisecond + l.opt.Interval - 1) / l.opt.Interval)
	}
	return p.age >= lease
}
