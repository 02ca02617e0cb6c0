package esttest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/spinneyio/est/core"
)

// What survivors do for the members of a dead instance.

// orphan is such a member, in the machine of its room on a survivor.
type orphan struct {
	conn     core.ConnID
	instance string // that is dead
}

// debt is a side effect that the Leave of an orphan has asked for. The instance that
// ran it performs it, unless it dies before.
type debt struct {
	writer string
	conn   core.ConnID
	effect any
}

// orphansOf reads the members of a room that are a dead instance's.
func (s *sim[C, R]) orphansOf(fx core.Reap) (orphans []core.Orphaned) {
	for _, m := range s.record(fx.Room).state.Record(true).Members {
		stored, err := core.DecodeMember(m.Data)
		if err != nil {
			s.fail("outcome", "%v", err)
		} else if stored.Instance == fx.Instance {
			orphans = append(orphans, core.Orphaned{Conn: core.ConnID(m.ID), Data: stored.Data, Identity: stored.Identity})
		}
	}
	return orphans
}

// orphanNames is for a story.
func (s *sim[C, R]) orphanNames(orphans []core.Orphaned) string {
	if !s.tracing || len(orphans) == 0 {
		return "nobody"
	}
	var names []string
	for _, o := range orphans {
		names = append(names, string(o.Conn))
	}
	return strings.Join(names, ", ")
}

// adopt has the machine of the room run their Leaves.
func (s *sim[C, R]) adopt(n *node[C, R], fx core.Reap, orphans []core.Orphaned) {
	if len(orphans) == 0 {
		s.live(n, core.Reaped(fx))
		return
	}
	t := s.site(n, fx.Room)
	var events []core.Event
	for _, o := range orphans {
		o.Now = s.now
		t.orphans = append(t.orphans, orphan{o.Conn, fx.Instance})
		events = append(events, o)
	}
	s.happen(t, events...)
}

// isOrphan says whether a machine has a connection as one.
func (t *site[C, R]) isOrphan(id core.ConnID) bool {
	return slices.ContainsFunc(t.orphans, func(o orphan) bool { return o.conn == id })
}

// orphanGone: the machine has nothing left to do for an orphan. With the last one the
// room is reaped.
func (s *sim[C, R]) orphanGone(t *site[C, R], id core.ConnID) {
	i := slices.IndexFunc(t.orphans, func(o orphan) bool { return o.conn == id })
	dead := t.orphans[i].instance
	t.orphans = slices.Delete(t.orphans, i, i+1)
	if !t.retired && !slices.ContainsFunc(t.orphans, func(o orphan) bool { return o.instance == dead }) {
		s.post(t.n, core.Reaped{Room: t.key, Instance: dead})
	}
}

// reapWatched: a commit removes members. Where they were another instance's nothing
// is promised to their connections any more: if they live they will be told to come
// back. What their Leaves ask for is owed by the instance that has run them.
func (s *sim[C, R]) reapWatched(writer string, fx core.Commit, d *deal[C]) {
	for _, m := range fx.Members {
		if c := s.connOf(m.Conn); m.Op == core.RemoveMember && c.machine != writer {
			c.crashed = true
		}
	}
	for _, x := range d.inside {
		if x.phase != leaving || len(x.perform) == 0 || !s.hasOrphan(writer, x.conn) {
			continue
		}
		for _, effect := range x.perform {
			s.debts = append(s.debts, debt{writer, x.conn, effect})
		}
	}
}

// hasOrphan says whether a machine of writer has a connection as an orphan.
func (s *sim[C, R]) hasOrphan(writer string, id core.ConnID) bool {
	for _, n := range s.nodes {
		for _, t := range n.sites {
			if t.writer == writer && t.isOrphan(id) {
				return true
			}
		}
	}
	return false
}

// orphanPerforms: a machine hands out a side effect of an orphan.
func (s *sim[C, R]) orphanPerforms(t *site[C, R], fx core.Perform) {
	c := s.connOf(fx.Conn)
	c.work = append(c.work, work{effect: fx.Effect, on: t.n.number})
	want := []byte(show(fx.Effect))
	i := slices.IndexFunc(s.debts, func(d debt) bool {
		return d.writer == t.writer && d.conn == c.id && bytes.Equal(want, []byte(show(d.effect)))
	})
	if i < 0 {
		s.fail("effects", "the side effect %s of %v is performed by %s, which has committed no Leave of it that asked for it", want, c.name, t.writer)
		return
	}
	s.debts = slices.Delete(s.debts, i, i+1)
}

// dies drops what an instance owed when it crashes.
func (s *sim[C, R]) dies(n *node[C, R]) {
	n.pulse = nil
	for _, t := range n.sites {
		s.debts = slices.DeleteFunc(s.debts, func(d debt) bool { return d.writer == t.writer })
	}
	for _, c := range s.conns {
		c.work = slices.DeleteFunc(c.work, func(w work) bool { return w.on == n.number })
	}
}
