package conformance

import (
	"slices"
	"time"
)

var modelRules = []rule{{
	name:    "model/agrees-with-apply",
	numbers: []int{5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 25},
	promise: "Whatever commits come one after the other, by whatever handles, they are answered, stored and published as broker.Apply says; only what versions and epochs are called is the store's.",
	breaks:  "What was proven of an application on the memory broker or in esttest, which are Apply, would not be so on this store.",
	check: func(c *trial) {
		m := &model{c: c, handles: []*handle{c.open(), c.open(), c.open()}}
		for range max(8, c.few(20)) { // fewer find too little
			list := drafts(c.rand, 25)
			if wrong := m.differs(list); wrong != nil {
				if wrong.late {
					c.tooLate()
				}
				wrong = m.shrink(list, wrong)
				c.retell(wrong.story)
				c.fatal(wrong.expected, wrong.happened)
			}
		}
	},
}}

// model makes the same commits with a broker and with Apply.
type model struct {
	c       *trial
	handles []*handle
}

// disagreement is where the two are not the same.
type disagreement struct {
	expected, happened string
	late               bool // it may come from what the store was free to forget
	steps              int  // up to which it was found
	story              story
}

// newOne is what versions and epochs are called that have to be new.
const newOne = "(a new one)"

// differs makes commits in new rooms, up to the first disagreement; nil if there is none.
func (m *model) differs(list []draft) *disagreement {
	m.c.retell(story{names: map[named]string{{"v", newOne}: newOne, {"e", newOne}: newOne}, counts: map[string]int{}})
	var rooms []*modelRoom
	for i := range modelRooms {
		key := m.c.key()
		r := &modelRoom{c: m.c, key: key, listener: m.handles[i].listen(key)}
		for range modelWriters {
			r.writers = append(r.writers, &modelWriter{id: m.c.writer().id})
		}
		rooms = append(rooms, r)
		defer r.listener.close()
	}
	var wrong *disagreement
	var r *modelRoom // where it is
	steps := 0
	for ; steps < len(list) && wrong == nil; steps++ {
		d := list[steps]
		r = rooms[d.room]
		wrong = r.draft(m.handles[d.handle], d)
		if wrong == nil {
			wrong = r.loaded(m.handles[(d.handle+1)%len(m.handles)])
		}
		if wrong == nil && len(r.due) >= 16 { // before a queue overflows
			wrong = r.hears(m.handles[0])
		}
	}
	for i := 0; i < len(rooms) && wrong == nil; i++ {
		r = rooms[i]
		wrong = r.hears(m.handles[0])
	}
	if wrong != nil {
		wrong.steps, wrong.late = steps, r.lapsed
		m.c.mu.Lock()
		defer m.c.mu.Unlock()
		wrong.story = m.c.story
	}
	return wrong
}

// shrink returns the smallest disagreement that it finds by leaving out commits and
// parts of them, within a bound on its time.
func (m *model) shrink(list []draft, wrong *disagreement) *disagreement {
	list = list[:min(wrong.steps, len(list))]
	attempts, deadline := 300, time.Now().Add(time.Second)
	try := func(other []draft) bool {
		if attempts--; attempts < 0 || time.Now().After(deadline) {
			return false
		}
		got := m.differs(other)
		if got == nil || got.late {
			return false
		}
		list, wrong = other[:min(got.steps, len(other))], got
		return true
	}
	for size := max(1, len(list)/2); size > 0; size /= 2 {
		for at := len(list) - size; at >= 0; at = min(at-size, len(list)-size) {
			try(slices.Delete(slices.Clone(list), at, at+size))
		}
	}
	simplify := func(at int) bool {
		return at < len(list) && slices.ContainsFunc(list[at].simpler(), func(d draft) bool {
			other := slices.Clone(list)
			other[at] = d
			return try(other)
		})
	}
	for at := 0; at < len(list); at++ {
		for simplify(at) {
		}
	}
	return wrong
}
