package esttest

import (
	"cmp"
	"slices"
	"strconv"
)

// row is one line of the diagram.
type row struct {
	scene
	sign  string // in the margin instead of the step's number; such a row is always shown
	first bool   // of its step
}

// rows has a row for each scene, and one where the failure showed. A step of which
// no scene tells is told by its own words.
func (s story) rows() []row {
	var rows []row
	told := map[int]bool{}
	for _, sc := range s.scenes {
		rows = append(rows, row{scene: sc, first: !told[sc.step]})
		told[sc.step] = true
	}
	for i, st := range s.steps {
		if !told[i] {
			rows = append(rows, row{scene: sceneOf(i, st), first: true})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.step, b.step) })
	for i, r := range rows {
		if r.step >= len(s.steps) && r.from == r.to && r.from.kind == nobody {
			rows[i].sign = "··" // what the healing comes to
		}
	}
	if s.failed.check == "" {
		return rows
	}
	end := len(rows)
	if s.failedAt < len(s.steps) {
		if i := slices.IndexFunc(rows, func(r row) bool { return r.step > s.failedAt }); i >= 0 {
			end = i
		}
	}
	return slices.Insert(rows, end, row{sign: "✗", scene: scene{step: s.failedAt, text: s.failed.check}})
}

// sceneOf is a step as a scene: at its instance, or else at its client.
func sceneOf(i int, st step) scene {
	at := lane{}
	switch {
	case st.inst != 0:
		at = lane{inst, st.inst}
	case st.conn.client != 0:
		at = lane{client, st.conn.client}
	}
	return scene{step: i, from: at, to: at, text: st.String()}
}

// shown picks the rows that fit into so many lines, where each run of hidden ones
// takes a line too. The first to be kept are those with a sign and the last ones,
// then those of needed steps, then the rest; the later before the earlier.
func (s story) shown(rows []row, lines int) []bool {
	shown := make([]bool, len(rows))
	order := make([]int, len(rows))
	worth := func(i int) int {
		switch r := rows[i]; {
		case r.sign != "":
			return 4
		case i >= len(rows)-lines/4:
			return 3
		case s.matter(r.step) && r.first:
			return 2
		case s.matter(r.step):
			return 1
		}
		return 0
	}
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(worth(b)-worth(a), b-a) })

	hidden := func(i int) int {
		if i >= 0 && i < len(rows) && !shown[i] {
			return 1
		}
		return 0
	}
	used := 1 // one run, of all
	for again := true; again; {
		again = false // what had no place may get one when its neighbours are shown
		for _, i := range order {
			// Its own line, and one run becomes two, one, or none.
			if more := hidden(i-1) + hidden(i+1); !shown[i] && used+more <= lines {
				shown[i], again = true, true
				used += more
			}
		}
	}
	return shown
}

// margin is what stands before a row: the number of a step that is needed or may
// be, a dot for one that is not, and nothing where it goes on.
func (s story) margin(r row, goesOn bool) string {
	switch {
	case r.sign != "":
		return r.sign
	case goesOn || r.step >= len(s.steps):
		return ""
	case s.needed == nil || s.matter(r.step):
		return strconv.Itoa(r.step + 1)
	}
	return "·"
}

// passed says what a run of hidden rows stands for.
func (s story) passed(rows []row, shown map[int]bool) string {
	steps := map[int]bool{}
	for _, r := range rows {
		if !shown[r.step] {
			steps[r.step] = true
		}
	}
	if len(steps) == 0 {
		return "···"
	}
	return "··· " + counted(len(steps), "step") + " ···"
}
