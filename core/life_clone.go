package core

import (
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
)

// Clone is a copy of the machine that goes its own way from here.
func (l *Life) Clone() *Life {
	c := *l
	c.peers = slices.Clone(l.peers)
	c.queue = slices.Clone(l.queue)
	c.rooms = make(map[string]*listedRoom, len(l.rooms))
	for key, r := range l.rooms {
		n := *r
		c.rooms[key] = &n
	}
	c.dead = make([]*dead, len(l.dead))
	for i, d := range l.dead {
		n := *d
		n.commit = d.commit.clone()
		n.waiting, n.reaping = slices.Clone(d.waiting), slices.Clone(d.reaping)
		c.dead[i] = &n
	}
	c.directory, c.own = l.directory.clone(), l.own.clone()
	return &c
}

func (c *recordCommit) clone() *recordCommit {
	if c == nil {
		return nil
	}
	n := *c
	return &n
}

// Fingerprint is equal for two machines that are in the same state, and differs
// otherwise, as that of a [Room].
func (l *Life) Fingerprint() [16]byte {
	h := fnv.New128a()
	fmt.Fprintf(h, "%q %q %v %d %d %v %v %v %d %d\n", l.writer, l.previous, l.opt, l.phase, l.n, l.enrols, l.enrolled, l.alive, l.last, l.touched)
	fmt.Fprintf(h, "%d %d %d %d %v %v %d\n", l.begun.UnixNano(), l.round, l.beat, l.read, l.members, l.flush, l.batch)
	fmt.Fprintf(h, "%+v %q\n", l.peers, l.queue)
	for _, key := range slices.Sorted(maps.Keys(l.rooms)) {
		fmt.Fprintf(h, "room %q %v\n", key, *l.rooms[key])
	}
	for _, d := range l.dead {
		fmt.Fprintf(h, "dead %q %q %d %d %v %v %v %d %d %d ", d.writer, d.data, d.looks, d.rounds, d.mine, d.gone, d.alien, d.done, d.tried, d.failed)
		fmt.Fprintf(h, "%d %v %q %q %q\n", d.step, d.loading, d.members, d.waiting, d.reaping)
		printCommit(h, d.commit)
	}
	printCommit(h, l.directory)
	printCommit(h, l.own)
	return [16]byte(h.Sum(nil))
}

func printCommit(w io.Writer, c *recordCommit) {
	if c == nil {
		fmt.Fprintln(w)
		return
	}
	fmt.Fprintf(w, "%d %q %q %d %d %+v\n", c.kind, c.writer, c.Record, c.N, c.Again, c.Changes)
}
