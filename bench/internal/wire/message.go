package wire

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// In is what clients send.
type In struct {
	TS  int64  `json:"ts"`
	C   int    `json:"c"`
	Op  string `json:"op"`
	Key string `json:"key"`
	N   int    `json:"n"`
	Pad string `json:"pad"`
}

// Out is what the members of a stateful room get.
type Out struct {
	TS  int64  `json:"ts"`
	C   int    `json:"c"`
	Key string `json:"key"`
	Val int    `json:"val"`
	Pad string `json:"pad"`
}

// Size is how many bytes a message has.
const Size = 128

// New is the message of a connection that adds 1 to a counter of its room.
func New(conn int, key string) []byte {
	head := fmt.Sprintf(`{"ts":%d,"c":%d,"op":"add","key":"%s","n":1,"pad":"`, epoch, conn, key)
	return []byte(head + strings.Repeat("x", Size-len(head)-2) + `"}`)
}

// Key is the counter that connection n counts in.
func Key(n int) string { return fmt.Sprintf("k%02d", n%16) }

// Times in messages are nanoseconds since the process began, and so far from zero
// that all of them have the same number of digits.
const (
	epoch  = int64(1_000_000_000_000_000_000)
	digits = 19
)

var began = time.Now()

// Now is the time as messages carry it.
func Now() int64 { return epoch + int64(time.Since(began)) }

var stamp = []byte(`"ts":`)

// Stamp writes a time into a message that begins at p[at:].
func Stamp(p []byte, at int, now int64) {
	p = p[at+1+len(stamp):]
	for i := digits - 1; i >= 0; i-- {
		p[i] = byte('0' + now%10)
		now /= 10
	}
}

// Stamped finds the first time in p, and what comes after it. ok is false if there
// is none.
func Stamped(p []byte) (t int64, rest []byte, ok bool) {
	i := bytes.Index(p, stamp)
	if i < 0 {
		return 0, nil, false
	}
	p = p[i+len(stamp):]
	for _, d := range p[:digits] {
		t = t*10 + int64(d-'0')
	}
	return t, p[digits:], true
}

// Sender reads the number of the connection that sent p; -1 if p doesn't say.
func Sender(p []byte) int {
	name := []byte(`"c":`)
	i := bytes.Index(p, name)
	if i < 0 {
		return -1
	}
	n := 0
	for i += len(name); i < len(p) && p[i] >= '0' && p[i] <= '9'; i++ {
		n = n*10 + int(p[i]-'0')
	}
	return n
}
