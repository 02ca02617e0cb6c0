package esttest

import (
	"cmp"
	"slices"
)

// size says how hard a history is to understand. What costs a reader most is
// compared first: faults, then steps, then who takes part, and so on.
type size struct {
	faults   int
	steps    int
	actors   int // connections and instances
	returns  int // connections of clients that had one before
	switches int // how often the reader has to look at another instance or connection
	halves   int // steps that are half of what one simpler step does
	texts    int // different ones
	bytes    int // of texts
	list     []step
}

func sizeOf(steps []step) size {
	z := size{steps: len(steps), list: steps}
	actors, different := map[any]bool{}, map[string]bool{}
	var last place
	for i, at := range places(steps) {
		st := steps[i]
		if st.do.fault() {
			z.faults++
		}
		if st.do == connect && st.conn.life > 1 {
			z.returns++
		}
		if st.do.half() {
			z.halves++
		}
		if at.inst != last.inst {
			z.switches++
		}
		if at.conn != (connName{}) && at != last {
			z.switches++
		}
		if at.inst != last.inst || at.conn != (connName{}) {
			last = at
		}
		if st.conn != (connName{}) {
			actors[st.conn] = true
		}
		if st.inst != 0 {
			actors[place{inst: st.inst}] = true
		}
		if st.text != "" {
			different[st.text] = true
			z.bytes += len(st.text)
		}
	}
	z.actors, z.texts = len(actors), len(different)
	return z
}

func (z size) less(other size) bool {
	if c := slices.Compare(z.counts(), other.counts()); c != 0 {
		return c < 0
	}
	// The lower numbers first: a history is best told from c1 and i1 on.
	return slices.CompareFunc(z.list, other.list, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.conn.client, b.conn.client), cmp.Compare(a.conn.life, b.conn.life),
			cmp.Compare(a.inst, b.inst), cmp.Compare(a.room, b.room), cmp.Compare(a.text, b.text))
	}) < 0
}

func (z size) counts() []int {
	return []int{z.faults, z.steps, z.actors, z.returns, z.switches, z.halves, z.texts, z.bytes}
}

// place is where a step happens: on the instance that the connection was opened
// to, for the steps of a connection. The zero place is outside of all instances.
type place struct {
	inst int
	conn connName
}

func places(steps []step) []place {
	home := map[connName]int{}
	all := make([]place, len(steps))
	for i, st := range steps {
		if st.do == connect {
			home[st.conn] = st.inst
		}
		all[i] = place{st.inst, st.conn}
		if st.conn != (connName{}) {
			all[i].inst = home[st.conn]
		}
	}
	return all
}

// half reports whether another verb does at once what v does in part.
func (v verb) half() bool {
	switch v {
	case perform, answer, effect, effectAnswer, snap, notice:
		return true
	}
	return false
}
