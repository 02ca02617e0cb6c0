package esttest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// leastJSON is how many runes are left of a JSON text that is cut.
const leastJSON = 13

// printable is a line with escapes where something would not print, or would move
// what comes after it.
func printable(line string) string {
	var b strings.Builder
	for len(line) > 0 {
		r, size := utf8.DecodeRuneInString(line)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, line[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		line = line[size:]
	}
	return b.String()
}

// abbreviate cuts a line to a width in runes: the JSON in it in the middle, the
// longest first, and if that is not enough, what is before the last third: what it
// begins and ends with says most.
func abbreviate(line string, width int) string {
	text := []rune(line)
	over := len(text) - width
	if over <= 0 {
		return line
	}
	spans := jsonIn(text)
	slices.SortStableFunc(spans, func(a, b span) int { return b.len() - a.len() })
	var cuts []span
	for _, s := range spans {
		if over > 0 && s.len() > leastJSON {
			// One more goes, for the … in its place.
			gone := min(over+1, s.len()-leastJSON+1)
			from := s.from + (s.len()-gone+1)/2
			cuts = append(cuts, span{from, from + gone})
			over -= gone - 1
		}
	}
	slices.SortFunc(cuts, func(a, b span) int { return b.from - a.from })
	for _, c := range cuts { // from the end, so that the places of the others stay
		text = slices.Replace(text, c.from, c.to, '…')
	}
	if over > 0 {
		tail := (width - 1) / 3
		text = slices.Replace(text, width-1-tail, len(text)-tail, '…')
	}
	return strings.ReplaceAll(string(text), "……", "…")
}

// span is a part of a text.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// jsonIn finds the objects, arrays and strings in a text, not those within others.
func jsonIn(text []rune) (found []span) {
	var open span // begins where the outermost bracket does
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth == 1 {
				open.from = i
			}
		case '}', ']':
			if depth == 0 {
				continue
			}
			if depth--; depth == 0 {
				found = append(found, span{open.from, i + 1})
			}
		case '"':
			from := i
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 && i < len(text) {
				found = append(found, span{from, i + 1})
			}
		}
	}
	return found
}
