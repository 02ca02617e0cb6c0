package conformance

import (
	"fmt"
	mathrand "math/rand/v2"
	"slices"

	"github.com/spinneyio/est/broker"
)

// draft is a commit to come, as it was drawn. What it refers to is looked up when
// its turn comes: so it has a meaning also without those that were drawn before it.
type draft struct {
	handle, room, writer int

	send   sending
	gap    uint64 // numbers left out
	expect expectation
	commit broker.Commit // but for the id and the expected version
}

// sending says which commit is sent.
type sending int

const (
	fresh   sending = iota // a new one
	again                  // the writer's last one, whether it was applied or refused
	late                   // one that the writer had applied, perhaps before the last
	nobodys                // a new one, without a writer
	zeroth                 // a new one, with the number 0
)

// expectation says what version a new commit expects.
type expectation int

const (
	anything expectation = iota
	none                 // ""
	current              // the record's
	old                  // one that the record had
	made                 // one that it never had
)

const (
	modelHandles = 3
	modelRooms   = 2
	modelWriters = 3 // in each room
)

// drafts draws n of them.
func drafts(r *mathrand.Rand, n int) []draft {
	var list []draft
	for i := range n {
		d := draft{
			handle: r.IntN(modelHandles), room: r.IntN(modelRooms), writer: r.IntN(modelWriters),
			send:   pick(r, fresh, fresh, fresh, fresh, fresh, again, again, late),
			gap:    pick[uint64](r, 0, 0, 0, 1, 1000),
			expect: pick(r, anything, anything, anything, current, current, current, none, old, made),
		}
		d.commit.Value.Op = pick(r, broker.Keep, broker.Keep, broker.Put, broker.Put, broker.Delete)
		if d.commit.Value.Op == broker.Put {
			d.commit.Value.Value = pick(r, nil, []byte{}, []byte("same"), fmt.Appendf(nil, "value %d", i+1))
		}
		for _, id := range pick(r, nil, []string{"", "x", "y"}) {
			if r.IntN(2) == 0 {
				d.commit.Members = append(d.commit.Members, drawMember(r, id, i))
			}
		}
		r.Shuffle(len(d.commit.Members), func(i, j int) {
			d.commit.Members[i], d.commit.Members[j] = d.commit.Members[j], d.commit.Members[i]
		})
		for m := range pick(r, 0, 0, 0, 1, 2, 3) {
			d.commit.Messages = append(d.commit.Messages, fmt.Appendf(nil, "message %d.%d", i+1, m+1))
		}
		if r.IntN(12) == 0 {
			d.spoil(r)
		}
		list = append(list, d)
	}
	return list
}

// pick draws one of list.
func pick[T any](r *mathrand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func drawMember(r *mathrand.Rand, id string, i int) broker.MemberChange {
	m := broker.MemberChange{ID: id, Op: pick(r, broker.Add, broker.Add, broker.Add, broker.Add, broker.Require, broker.Replace, broker.Remove)}
	if m.Op == broker.Add || m.Op == broker.Replace {
		m.Data = pick(r, nil, []byte{}, fmt.Appendf(nil, "data %d", i+1), fmt.Appendf(nil, "data %d", i+1))
	}
	return m
}

// spoil breaks the form of d.
func (d *draft) spoil(r *mathrand.Rand) {
	c := &d.commit
	switch r.IntN(6) {
	case 0:
		d.send = nobodys
	case 1:
		d.send = zeroth
	case 2:
		d.send, c.Value.Op = fresh, 9
	case 3:
		d.send, c.Value = fresh, broker.Change{Op: broker.Delete, Value: []byte("value")}
	case 4:
		d.send, c.Members = fresh, append(c.Members, add("twice", "data"), remove("twice"))
	case 5:
		d.send, c.Members = fresh, append(c.Members, broker.MemberChange{Op: broker.Require, ID: "w", Data: []byte("data")})
	}
}

// simpler returns what might do instead of d.
func (d draft) simpler() (list []draft) {
	try := func(change func(d *draft)) {
		other := d
		change(&other)
		list = append(list, other)
	}
	if len(d.commit.Messages) > 0 {
		try(func(d *draft) { d.commit.Messages = nil })
	}
	for i := range d.commit.Members {
		try(func(d *draft) { d.commit.Members = slices.Delete(slices.Clone(d.commit.Members), i, i+1) })
	}
	if d.commit.Value.Op != broker.Keep {
		try(func(d *draft) { d.commit.Value = broker.Change{} })
	}
	if d.expect != anything {
		try(func(d *draft) { d.expect = anything })
	}
	if d.gap > 0 {
		try(func(d *draft) { d.gap = 0 })
	}
	return list
}
