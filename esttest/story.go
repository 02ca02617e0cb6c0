package esttest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// story is a failure as it is printed: what is wrong, how it came about, what of
// that matters, and how to run it again. Its texts may have any characters in them.
type story struct {
	failed      violation
	explanation string // what the check wants, in a sentence; "" is left out
	found       string // how it was found; "" is left out

	steps    []step
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
	if s.names == nil {
		s.names = func(text string) string { return text }
	}
	head := append(s.said(), "")
	foot := []string{"", s.matters()}
	rows := s.rows()
	left := max(s.height, leastHeight) - len(head) - len(foot) - 2 // the lanes' heads, and replay
	diff := s.diff(max(min(leastDiff, left/2), left-len(rows)))
	if s.replay != "" {
		diff = append(diff, "  replay: "+s.replay) // whole, for it is to be copied
		left++
	}
	return strings.Join(slices.Concat(head, s.diagram(rows, left-len(diff)), foot, diff), "\n")
}

// said is what is wrong, what would be right, and how it was found.
func (s story) said() []string {
	said := s.clean(s.failed.check+": "+s.failed.text, 4*s.width)
	if len(said) > mostSaid {
		said = append(said[:mostSaid-1], more(len(said)-mostSaid+1))
	}
	for _, text := range []string{s.explanation, s.found} {
		if text != "" {
			said = append(said, abbreviate(printable(text), 4*s.width))
		}
	}
	for i := range said[1:] {
		said[i+1] = "  " + said[i+1]
	}
	return said
}

// matters is which steps are needed, and which of all are faults.
func (s story) matters() string {
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
	text := "  faults: " + strings.Join(faults, ", ") + "; needed: "
	switch {
	case s.needed == nil:
		text = strings.TrimSuffix(text, "; needed: ")
	case with == nil:
		text += "no step by itself"
	case without == nil:
		text += "each step"
	default:
		text += ranges(with) + "; not by itself: " + ranges(without)
	}
	return abbreviate(text, s.width)
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
	lines := strings.Split(s.names(text), "\n")
	for i, line := range lines {
		lines[i] = abbreviate(printable(line), width)
	}
	return lines
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
