package conformance

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bubble is one promise that is tried on one transport, in a bubble of
// testing/synctest. It is the testing.TB that Dial gets: what is reported to it
// breaks the promise.
type bubble struct {
	testing.TB // of synctest.Test
	dial       Dial
	promise    string
	ctx        context.Context

	mu       sync.Mutex // protects what follows
	id       string     // as stack traces name it
	clients  int
	story    []string
	dropped  int // from the beginning of story
	broken   *breach
	skipped  string
	cleanups []func()
}

// breach is a promise that was broken. The first one of a bubble counts: others
// may follow from it.
type breach struct {
	promise    string // its name: not always the one that was looked at
	seen       string // the promise that was looked at
	done       []string
	expected   string
	happened   string
	goroutines string // where it did not end
	hung       bool   // not even in real time
}

const (
	fakePatience = 3 * time.Hour // of the bubble's time, for a promise
	storyLines   = 30
)

// try tries p in a bubble, for as long as patience lasts in real time.
func (p *promise) try(t *testing.T, dial Dial, patience time.Duration) *bubble {
	b := &bubble{dial: dial, promise: p.name}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			if p := recover(); p != nil { // "deadlock: …"
				b.failWith(breach{
					promise:    nothingIsLeft,
					expected:   "all goroutines end with their connections",
					happened:   "when all had ended, some still waited for what will never come",
					goroutines: b.goroutines(),
				})
			}
		}()
		synctest.Test(t, func(t *testing.T) {
			b.TB = t
			b.run(p.check)
		})
	}()
	watchdog := time.NewTimer(patience)
	defer watchdog.Stop()
	select {
	case <-over:
	case <-watchdog.C:
		b.failWith(breach{
			expected: "the promise is tried in milliseconds",
			happened: fmt.Sprintf("it still runs after %v: something waits for a lock, perhaps in a call made while holding it, "+
				"or for a network that is not in memory, or never rests", patience),
			goroutines: b.goroutines(),
			hung:       true,
		})
	}
	return b
}

// run runs check, for as long as fakePatience lasts, and then what was to be
// cleaned up. Time stops with it, so it leaves the transport some to wind down.
func (b *bubble) run(check func(*bubble)) {
	b.identify()
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	b.guard(func() { check(b) })
	cancel()
	for f := b.cleanup(); f != nil; f = b.cleanup() {
		b.guard(f)
	}
	time.Sleep(2 * patience)
}

// guard runs f, which may give up, in a goroutine of its own, as long as
// fakePatience lasts. So synctest.Test returns as always.
func (b *bubble) guard(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				b.fail("no panic", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		f()
	}()
	select {
	case <-done:
	case <-time.After(fakePatience):
		b.failWith(breach{
			expected:   "an end",
			happened:   fmt.Sprintf("it still waits when %v have passed on the bubble's clock", fakePatience),
			goroutines: b.goroutines(),
		})
	}
}

// cleanup takes what was last given to Cleanup; nil if there is nothing left.
func (b *bubble) cleanup() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.cleanups)
	if n == 0 {
		return nil
	}
	f := b.cleanups[n-1]
	b.cleanups = b.cleanups[:n-1]
	return f
}

// fail says that the promise is broken. The goroutine goes on.
func (b *bubble) fail(expected, happened string) { b.failAs("", expected, happened) }

// fatal is fail, and the end of the goroutine.
func (b *bubble) fatal(expected, happened string) {
	b.fail(expected, happened)
	runtime.Goexit()
}

// failAs says that another promise is broken than the one looked at.
func (b *bubble) failAs(promise, expected, happened string) {
	b.failWith(breach{promise: promise, expected: expected, happened: happened})
}

func (b *bubble) failWith(x breach) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return
	}
	if x.promise == "" {
		x.promise = b.promise
	}
	x.seen = b.promise
	x.done = slices.Clone(b.story)
	if b.dropped > 0 {
		x.done = slices.Insert(x.done, 0, fmt.Sprintf("… %d steps before", b.dropped))
	}
	b.broken = &x
}

// note adds a step to what a failure tells.
func (b *bubble) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.story) == storyLines {
		b.story = slices.Delete(b.story, 0, 1)
		b.dropped++
	}
	b.story = append(b.story, fmt.Sprintf(format, args...))
}

// result is what became of the promise.
func (b *bubble) result() (broken *breach, skipped string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return b.broken, ""
	}
	return nil, b.skipped
}

// String is all of it, on several lines.
func (x *breach) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "broken: %s\n", x.promise)
	block := func(title, text string) {
		fmt.Fprintf(&s, "  %s:%s\n", title, strings.ReplaceAll(text, "\n", "\n    "))
	}
	if x.promise != x.seen {
		block("seen in", " "+x.seen)
	}
	p := find(x.promise)
	block("promise", " "+p.says)
	block("otherwise", " "+p.breaks)
	if len(x.done) > 0 {
		block("done", "\n"+strings.Join(x.done, "\n"))
	}
	block("expected", " "+x.expected)
	block("happened", " "+x.happened)
	if x.goroutines != "" {
		block("goroutines", "\n"+x.goroutines)
	}
	return s.String()
}
