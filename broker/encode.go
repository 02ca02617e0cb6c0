package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// stateFormat is the first byte of an encoded State.
const stateFormat = 1

var errState = errors.New("broker: these bytes are no encoded state")

// AppendTo appends s to b and returns the extended slice. States that answer
// every call alike have the same bytes, and others never do: so a simulator may
// compare or hash them. [ParseState] reads them: so a store may keep them.
func (s State) AppendTo(b []byte) []byte {
	b = append(b, stateFormat)
	if s.value == nil {
		b = append(b, 0)
	} else {
		b = appendBytes(append(b, 1), s.value)
	}
	b = appendBytes(b, s.version)
	b = appendBytes(b, s.at.Epoch)
	b = binary.AppendUvarint(b, s.at.Seq)
	b = binary.AppendUvarint(b, uint64(s.members.size))
	for id, data := range s.members.all() {
		b = appendBytes(appendBytes(b, id), data)
	}
	b = appendReceipts(b, s.recent)
	return appendReceipts(b, s.older)
}

func appendReceipts(b []byte, t table[receipt]) []byte {
	b = binary.AppendUvarint(b, uint64(t.size))
	for writer, r := range t.all() {
		b = binary.AppendUvarint(appendBytes(b, writer), r.n)
		b = binary.AppendUvarint(appendBytes(b, r.version), r.seq)
	}
	return b
}

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// ParseState reads what [State.AppendTo] wrote, all of b. The State keeps b: it
// must not be changed any more.
func ParseState(b []byte) (State, error) {
	r := reader{rest: b}
	if r.byte() != stateFormat {
		return State{}, fmt.Errorf("%w, or of a later format", errState)
	}
	var s State
	switch r.byte() {
	case 0:
	case 1:
		s.value = r.bytes()
	default:
		r.bad = true
	}
	s.version = Version(r.bytes())
	s.at = Position{Epoch: string(r.bytes()), Seq: r.uint()}
	s.members = readTable(&r, (*reader).bytes)
	s.recent = readTable(&r, (*reader).receipt)
	s.older = readTable(&r, (*reader).receipt)
	if r.bad || len(r.rest) > 0 {
		return State{}, errState
	}
	return s, nil
}

// reader takes from rest, and is bad once that is not what it should be.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() (b byte) {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b, r.rest = r.rest[0], r.rest[1:]
	return b
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes() (b []byte) {
	n := r.uint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b, r.rest = r.rest[:n:n], r.rest[n:]
	return b
}

func (r *reader) receipt() receipt {
	return receipt{n: r.uint(), version: Version(r.bytes()), seq: r.uint()}
}

func readTable[V any](r *reader, value func(*reader) V) table[V] {
	var edits []edit[V]
	for n := r.uint(); n > 0 && !r.bad; n-- {
		key := string(r.bytes())
		if len(edits) > 0 && key <= edits[len(edits)-1].key {
			r.bad = true
		}
		edits = append(edits, edit[V]{key: key, value: value(r)})
	}
	return table[V]{}.with(edits)
}
