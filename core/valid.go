package core

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// What may come next in a JSON text, as a set.
const (
	aValue = 1 << iota
	aName
	aColon
	aComma
	anEnd // of what was opened last
)

// valid says whether a text is JSON, and UTF-8 too: json.Valid(text) && utf8.Valid(text).
// It is asked of each message, and calls no function for each byte, as json.Valid does.
// Like that it takes no more than 10,000 arrays and objects in each other.
func valid(text []byte) bool {
	var few [64]byte
	open := few[:0] // the '{' and '[' that are not closed yet
	next := aValue
	for i := 0; i < len(text); {
		c, n := text[i], 1 // what is here, and how long it is
		is, after := aValue, aComma|anEnd
		switch c {
		case ' ', '\t', '\n', '\r':
			is, after = next, next
		case '{':
			open, after = append(open, c), aName|anEnd
		case '[':
			open, after = append(open, c), aValue|anEnd
		case '}', ']':
			if is = anEnd; len(open) == 0 || open[len(open)-1] != c-2 {
				return false
			}
			open = open[:len(open)-1]
		case ',':
			if is, after = aComma, aValue; len(open) == 0 {
				return false
			} else if open[len(open)-1] == '{' {
				after = aName
			}
		case ':':
			is, after = aColon, aValue
		case '"':
			if n = textLen(text[i:]); next&aName != 0 {
				is, after = aName, aColon
			}
		default:
			n = wordLen(text[i:])
		}
		if next&is == 0 || n == 0 || len(open) > 10_000 {
			return false
		}
		i, next = i+n, after
	}
	return len(open) == 0 && next&aComma != 0 && utf8.Valid(text)
}

// textLen is the length of the string that b begins with; 0: it does not end well.
func textLen(b []byte) int {
	const ones = 0x0101010101010101
	for i := 1; i < len(b); i++ {
		for ; i+8 <= len(b); i += 8 { // eight at once, up to a quote, a backslash, or what is below ' '
			w := binary.LittleEndian.Uint64(b[i:])
			found := (w - ones*' ' | (w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones)) &^ w & (ones << 7)
			if found != 0 { // above the first one may be more than there is: what it has borrowed
				i += bits.TrailingZeros64(found) / 8
				break
			}
		}
		switch {
		case i == len(b) || b[i] < ' ':
			return 0
		case b[i] == '"':
			return i + 1
		case b[i] == '\\' && i+5 < len(b) && b[i+1] == 'u':
			if _, err := hex.Decode(make([]byte, 2), b[i+2:i+6]); err != nil {
				return 0
			}
			i += 5
		case b[i] == '\\':
			if i++; i == len(b) || strings.IndexByte(`"\/bfnrt`, b[i]) < 0 {
				return 0
			}
		}
	}
	return 0
}

// wordLen is the length of the literal or number that b begins with; 0: it is none.
func wordLen(b []byte) int {
	switch {
	case len(b) >= 4 && (string(b[:4]) == "true" || string(b[:4]) == "null"):
		return 4
	case len(b) >= 5 && string(b[:5]) == "false":
		return 5
	}
	i := 0
	if b[0] == '-' {
		i = 1
	}
	n := digits(b[i:]) // those read last: there must be some
	if n > 1 && b[i] == '0' {
		return 0
	}
	if i += n; n > 0 && i < len(b) && b[i] == '.' {
		n = digits(b[i+1:])
		i += 1 + n
	}
	if n > 0 && i < len(b) && b[i]|' ' == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n = digits(b[i:])
		i += n
	}
	if n == 0 {
		return 0
	}
	return i
}

// digits is how many of them b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
