package esttest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// story is a failure as it is printed: what is wrong, how it came about, what of
// that matters, and how to run it again. Its texts may have any characters in them.
type story struct {
	failed      violation // of no check: nothing has failed yet
	explanation string    // what the check wants, in a sentence; "" is left out
	found       string    // how it was found; "" is left out

	steps    []step  // decisions; none: a script, of which the scenes tell
	scenes   []scene // in the order in which they happened
	needed   []bool  // of each step: without it alone there is no failure; nil: unknown
	failedAt int     // index of the step after which it showed; len(steps): after the healing

	replay string              // the command; "" is left out
	names  func(string) string // puts names where a text has ids; nil: there are none

	width  int // columns, counted in runes; default 110
	height int // lines; default 40, at least 20
}

const (
	storyWidth  = 110
	storyHeight = 40
	leastHeight = 20

	mostSaid  = 6 // lines of what is wrong
	leastDiff = 8 // lines that a diff may always have, if it needs them
)

// String is the story in at most height lines, without a newline at the end. What
// has no place goes, the unimportant first: runs of scenes that are not needed,
// what is the same on both sides of the diff, the middle of long JSON.
func (s story) String() string {
	if s.width == 0 {
		s.width = storyWidth
	}
	if s.height == 0 {
		s.height = storyHeight
	}
	head := s.said()
	if len(head) > 0 {
		head = append(head, "")
	}
	foot := s.matters()
	if s.replay != "" {
		foot = append(foot, "  replay: "+s.replay) // whole, for it is to be copied
	}
	rows := s.rows()
	left := max(s.height, leastHeight) - len(head) - len(foot) - 2 // the names of the lanes, and an empty line
	diff := s.diff(max(min(leastDiff, left/2), left-len(rows)))
	foot = slices.Insert(foot, min(1, len(s.steps)), diff...)
	if len(foot) > 0 {
		foot = append([]string{""}, foot...)
	}
	lines := slices.Concat(head, s.diagram(rows, left-len(diff)), foot)
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// said is what is wrong, what would be right, and how it was found.
func (s story) said() []string {
	var said []string
	if s.failed.check != "" {
		said = s.clean(s.failed.check+": "+s.failed.text, 4*s.width)
	}
	if len(said) > mostSaid {
		said = append(said[:mostSaid-1], more(len(said)-mostSaid+1))
	}
	for _, text := range []string{s.explanation, s.found} {
		if text != "" {
			said = append(said, abbreviate(printable(text), 4*s.width))
		}
	}
	for i := 1; i < len(said); i++ {
		said[i] = "  " + said[i]
	}
	return said
}

// matters is a line on which steps are faults and which are needed, if there are any.
func (s story) matters() []string {
	if len(s.steps) == 0 {
		return nil
	}
	var with, without []int
	var faults []string
	for i, st := range s.steps {
		if s.matter(i) {
			with = append(with, i+1)
		} else {
			without = append(without, i+1)
		}
		if st.do.fault() {
			faults = append(faults, fmt.Sprintf("%s (%d)", verbs[st.do], i+1))
		}
	}
	if faults == nil {
		faults = []string{"none"}
	}
	text := "  faults: " + strings.Join(faults, ", ")
	switch {
	case s.needed == nil:
	case with == nil:
		text += "; needed: no step by itself"
	case without == nil:
		text += "; needed: each step"
	default:
		text += "; needed: " + ranges(with)
		if all := text + "; not by itself: " + ranges(without); utf8.RuneCountInString(all) <= s.width {
			text = all
		}
	}
	return []string{abbreviate(text, s.width)}
}

// matter says whether a step is known to be needed. The healing never is.
func (s story) matter(step int) bool { return step < len(s.needed) && s.needed[step] }

// diff is the difference in at most so many lines: if it has more, only of what
// differs, and not all of that.
func (s story) diff(lines int) []string {
	if s.failed.diff == "" {
		return nil
	}
	// go-cmp puts no-break spaces where nobody is to rely on its output.
	text := strings.NewReplacer("\u00a0", " ", "\t", "  ").Replace(s.failed.diff)
	diff := s.clean(strings.Trim(text, "\n"), s.width-4)
	if len(diff) > lines {
		diff = slices.DeleteFunc(diff, func(line string) bool { return !strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "+") })
	}
	if len(diff) > lines {
		diff = append(diff[:lines-1], more(len(diff)-lines+1))
	}
	for i := range diff {
		diff[i] = "    " + diff[i]
	}
	return diff
}

// clean is the lines of a text with names and without what would not print, each
// cut to the width.
func (s story) clean(text string, width int) []string {
	lines := strings.Split(s.named(text), "\n")
	for i, line := range lines {
		lines[i] = abbreviate(printable(line), width)
	}
	return lines
}

// named is a text with names instead of ids.
func (s story) named(text string) string {
	if s.names == nil {
		return text
	}
	return s.names(text)
}

// ranges prints numbers that grow: 1–3, 5.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		first := i
		for i++; i < len(numbers) && numbers[i] == numbers[i-1]+1; i++ {
		}
		switch last := numbers[i-1]; i - first {
		case 1:
			parts = append(parts, strconv.Itoa(last))
		case 2:
			parts = append(parts, strconv.Itoa(last-1), strconv.Itoa(last))
		default:
			parts = append(parts, fmt.Sprintf("%d–%d", numbers[first], last))
		}
	}
	return strings.Join(parts, ", ")
}

func more(n int) string { return "… " + counted(n, "more line") }

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
