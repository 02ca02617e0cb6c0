package esttest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkSize wants lines that print, no more and no longer than they may be. Only
// what is wrong and the command are not cut to the width.
func checkSize(t interface{ Errorf(string, ...any) }, s story) {
	text := s.String()
	lines := strings.Split(text, "\n")
	if len(lines) > s.height {
		t.Errorf("%d lines, want at most %d:\n%s", len(lines), s.height, text)
	}
	said := len(s.said())
	for i, line := range lines {
		if printable(line) != line || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d does not print, or ends with spaces: %q", i+1, line)
		}
		if n := utf8.RuneCountInString(line); n > s.width && i >= said && !strings.HasPrefix(line, "  replay: ") {
			t.Errorf("line %d has %d columns, want at most %d: %s", i+1, n, s.width, line)
		}
	}
}

// TestStoryFits draws stories of any shape: none is longer than it may be, and what
// must be told is.
func TestStoryFits(t *testing.T) {
	anyLane := rapid.Custom(func(t *rapid.T) lane {
		switch kind := laneKind(rapid.IntRange(int(nobody), int(store)).Draw(t, "kind")); kind {
		case client, inst:
			return lane{kind, rapid.IntRange(1, 4).Draw(t, "number")}
		default:
			return lane{kind: kind}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := story{
			failed:      violation{check: "a-check", text: hostile().Draw(t, "text"), diff: hostile().Draw(t, "diff")},
			explanation: "why", found: "found", replay: "go test",
			steps:  rapid.SliceOfN(anyStep(), 0, 60).Draw(t, "steps"),
			width:  rapid.IntRange(90, 200).Draw(t, "width"),
			height: rapid.IntRange(leastHeight, 60).Draw(t, "height"),
		}
		for i := range s.steps { // of a few lanes: very many make lines longer
			s.steps[i].inst %= 5
			s.steps[i].conn.client %= 5
			for range rapid.IntRange(0, 3).Draw(t, "scenes") {
				s.scenes = append(s.scenes, scene{step: i, from: anyLane.Draw(t, "from"), to: anyLane.Draw(t, "to"), lost: rapid.Bool().Draw(t, "lost"), text: hostile().Draw(t, "scene")})
			}
		}
		s.failedAt = max(len(s.steps)-rapid.IntRange(0, 1).Draw(t, "last"), 0)
		if rapid.Bool().Draw(t, "explained") {
			for range s.steps {
				s.needed = append(s.needed, rapid.Bool().Draw(t, "needed"))
			}
		}
		text := s.String()
		checkSize(t, s)
		for _, want := range []string{"a-check:", "\n  why\n", "\n  found\n", "\n   ✗ ", "\n  replay: go test"} {
			if !strings.Contains(text+"\n", want) {
				t.Errorf("%q is not told:\n%s", want, text)
			}
		}
	})
}

// TestStoryKeepsWhatMatters has the needed steps and the last ones shown where there
// is place for them.
func TestStoryKeepsWhatMatters(t *testing.T) {
	s := longStory(120)
	s.failed.text, s.failed.diff = "short", ""
	text := s.String()
	for i := range s.steps {
		last := i >= len(s.steps)-5
		if want := s.needed[i] && i > 20 || last; want && !strings.Contains(text, fmt.Sprintf("{\"n\":%d}", i)) {
			t.Errorf("step %d is not shown:\n%s", i+1, text)
		}
	}
}

// TestStoryCountsSteps has each step shown, at least in part, or counted as hidden.
func TestStoryCountsSteps(t *testing.T) {
	p := &play{}
	for i := range 40 {
		p.do("send c1 x").see(c1, i1, "(%d) asks", i).see(i1, i1, "(%d) thinks", i).see(i1, i1, "(%d) thinks", i).see(i1, c1, "(%d) answers", i)
		p.needed = append(p.needed, i%4 == 0)
	}
	p.failedAt = len(p.steps) - 1
	text := p.String()
	seen, hidden := map[string]bool{}, 0
	for _, m := range regexp.MustCompile(`\((\d+)\) |··· (\d+) steps? ···`).FindAllStringSubmatch(text, -1) {
		if m[1] != "" {
			seen[m[1]] = true
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Error(err)
		}
		hidden += n
	}
	if len(seen)+hidden != len(p.steps) || hidden == 0 {
		t.Errorf("%d steps are shown, and %d are said to be hidden, of %d:\n%s", len(seen), hidden, len(p.steps), text)
	}
}

func TestAbbreviate(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"größer", 5, "grö…r"},
		{`commit put {"a":1,"b":2,"c":3,"d":4}, add c1`, 40, `commit put {"a":1,"b"…":3,"d":4}, add c1`},
		{`{"a":"}\"]"} then [1,2,3,4,5,6,7,8,9,10]`, 36, `{"a":"}\"]"} then [1,2,3,4,…,8,9,10]`},
		{`{ not closed, and long`, 12, `{ not cl…ong`},
		{`put {"first":1,"second":2,"third":3}; to all {"joined":"somebody"}`, 17, `put {"firs…ody"}`},
		{`say "one two three four five" loudly`, 24, `say "one t… five" loudly`},
	} {
		got := abbreviate(c.text, c.width)
		if got != c.want || utf8.RuneCountInString(got) > c.width {
			t.Errorf("abbreviate(%s, %d)\n got %s, %d runes\nwant %s", c.text, c.width, got, utf8.RuneCountInString(got), c.want)
		}
	}
}
