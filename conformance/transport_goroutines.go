package conformance

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
)

// A stack trace begins with "goroutine 7 [chan receive, synctest bubble 3]:".
var (
	inBubble  = regexp.MustCompile(`synctest bubble \d+`)
	goroutine = regexp.MustCompile(`^goroutine \d+ `)
	ours      = regexp.MustCompile(`\.\(\*bubble\)\.run\(|\.testingSynctestTest\(|internal/synctest\.Run\(`)
	arguments = regexp.MustCompile(`(?m)(\([^()]*\)| \+0x[0-9a-f]+| in goroutine \d+)$`)
)

// identify finds out how stack traces name the bubble that it is called in.
func (b *bubble) identify() {
	stack := make([]byte, 1<<10)
	stack = stack[:runtime.Stack(stack, false)]
	b.mu.Lock()
	defer b.mu.Unlock()
	b.id = string(inBubble.Find(stack))
}

// goroutines returns the stacks of the bubble's goroutines, like ones once, but
// for our own.
func (b *bubble) goroutines() string {
	b.mu.Lock()
	id := b.id
	b.mu.Unlock()
	all := make([]byte, 4<<20)
	all = all[:runtime.Stack(all, true)]
	var stacks []string
	count := map[string]int{}
	for stack := range strings.SplitSeq(string(all), "\n\n") {
		first, calls, _ := strings.Cut(stack, "\n")
		if id == "" || inBubble.FindString(first) != id {
			continue
		}
		if ours.MatchString(calls) {
			continue
		}
		first = strings.ReplaceAll(goroutine.ReplaceAllString(first, ""), ", "+id, "")
		stack = first + "\n" + arguments.ReplaceAllString(calls, "")
		if count[stack]++; count[stack] == 1 {
			stacks = append(stacks, stack)
		}
	}
	const most = 10
	var s strings.Builder
	for n, stack := range stacks {
		if n == most {
			fmt.Fprintf(&s, "… and %d others\n", len(stacks)-most)
			break
		}
		fmt.Fprintf(&s, "%d × %s\n\n", count[stack], stack)
	}
	return strings.TrimSpace(s.String())
}
