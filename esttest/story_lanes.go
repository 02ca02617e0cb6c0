package esttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	marginWidth = 5
	leastText   = 60 // columns for the text, unless there are very many lanes
	leastLeft   = 24 // then: lines get longer rather
	leastGap    = 4  // columns from lane to lane
	mostGap     = 7
)

// diagram draws the rows in at most so many lines: the lanes at the left, with an
// arrow or a dot for what happens, and the text at the right, where it has place.
func (s story) diagram(rows []row, lines int) []string {
	shown := s.shown(rows, lines)
	d := s.drawing(rows, shown)
	steps := map[int]bool{} // of which something is shown
	for i, r := range rows {
		if shown[i] {
			steps[r.step] = true
		}
	}
	out := []string{d.heads()}
	numbered := map[int]bool{}
	for i := 0; i < len(rows); i++ {
		from := i
		for i < len(rows) && !shown[i] {
			d.live(rows[i], s.verb(rows[i]))
			i++
		}
		if i > from {
			out = append(out, d.line("", d.dots(), s.passed(rows[from:i], steps)))
		}
		if i == len(rows) {
			break
		}
		r := rows[i]
		out = append(out, d.line(s.margin(r, numbered[r.step]), d.draw(i, r, s.verb(r)), s.named(r.text)))
		numbered[r.step] = numbered[r.step] || r.sign == ""
	}
	return out
}

// verb is what is done in the step of a row.
func (s story) verb(r row) verb {
	if r.sign != "" || r.step >= len(s.steps) {
		return none
	}
	return s.steps[r.step].do
}

// drawing is where the lanes are, and which of them live at the row that is drawn.
type drawing struct {
	lanes []lane // clients, instances, store: requests go to the right, answers to the left
	gap   int
	width int           // of all
	first map[lane]int  // row
	last  map[lane]int  // row
	still map[lane]bool // instances that have crashed or stand still
}

func (s story) drawing(rows []row, shown []bool) *drawing {
	d := &drawing{width: s.width, first: map[lane]int{}, last: map[lane]int{}, still: map[lane]bool{}}
	for i, r := range rows {
		for _, l := range []lane{r.from, r.to} {
			if l.kind == nobody {
				continue
			}
			if _, seen := d.first[l]; !seen {
				d.first[l] = i
			}
			d.last[l] = i
			if shown[i] && !slices.Contains(d.lanes, l) {
				d.lanes = append(d.lanes, l)
			}
		}
	}
	slices.SortFunc(d.lanes, func(a, b lane) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number))
	})
	d.gap = min(max((d.width-marginWidth-leastText)/max(len(d.lanes), 1), leastGap), mostGap)
	return d
}

// x is the column of a lane in the picture. What concerns nobody comes from
// outside, at the right.
func (d *drawing) x(l lane) int {
	if i := slices.Index(d.lanes, l); i >= 0 {
		return 2 + i*d.gap
	}
	return 2 + max(len(d.lanes)-1, 0)*d.gap + leastGap
}

// heads is the line with the names of the lanes.
func (d *drawing) heads() string {
	picture := d.blank()
	for _, l := range d.lanes {
		name := []rune(l.name())
		copy(picture[d.x(l)-(len(name)-1)/2:], name)
	}
	return d.line("", picture, "")
}

// name is what stands above a lane.
func (l lane) name() string {
	switch l.kind {
	case client:
		return "c" + strconv.Itoa(l.number)
	case inst:
		return "i" + strconv.Itoa(l.number)
	case store:
		return "broker"
	}
	return ""
}

func (d *drawing) blank() []rune {
	return []rune(strings.Repeat(" ", d.x(lane{})+1))
}

// dots is the picture of what is not shown.
func (d *drawing) dots() []rune {
	picture := d.blank()
	for _, l := range d.lanes {
		picture[d.x(l)] = '·'
	}
	return picture
}

// live takes note of what a row means for its instance.
func (d *drawing) live(r row, do verb) {
	switch do {
	case crash, pause:
		d.still[r.from] = true
	case restart, resume:
		d.still[r.from] = false
	}
}

// draw is the picture of a row: all lanes that live, and an arrow or a dot.
func (d *drawing) draw(i int, r row, do verb) []rune {
	picture := d.blank()
	for _, l := range d.lanes {
		switch {
		case d.still[l]:
			picture[d.x(l)] = '┊'
		case l.kind != client || d.first[l] <= i && i <= d.last[l]:
			picture[d.x(l)] = '│'
		}
	}
	d.live(r, do)
	from, to := d.x(r.from), d.x(r.to)
	switch {
	case r.from == r.to && r.from.kind == nobody:
	case r.from == r.to && (r.lost || do == crash):
		picture[from] = '✕'
	case r.from == r.to:
		picture[from] = '●'
	case from < to:
		arrow(picture, from, to, 1, r.lost)
		picture[from] = '├'
	default:
		arrow(picture, from, to, -1, r.lost)
		if r.from.kind != nobody {
			picture[from] = '┤'
		}
	}
	return picture
}

// arrow draws from one column to just before another, or to the ✕ where what it
// stands for is lost.
func arrow(picture []rune, from, to, way int, lost bool) {
	end, head := to-way, '▶'
	if way < 0 {
		head = '◀'
	}
	if lost {
		end, head = to-2*way, '✕'
	}
	for x := from; x != end; x += way {
		if picture[x] == '│' {
			picture[x] = '┼'
		} else {
			picture[x] = '─'
		}
	}
	picture[end] = head
}

// line joins a margin, a picture and a text.
func (d *drawing) line(margin string, picture []rune, text string) string {
	line := fmt.Sprintf("%*s ", marginWidth-1, margin) + string(picture) + " "
	left := max(d.width-utf8.RuneCountInString(line), leastLeft)
	return line + abbreviate(printable(text), left)
}
