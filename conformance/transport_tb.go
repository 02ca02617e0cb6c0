package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// What follows replaces methods of the testing.TB: those that report, and what
// ends with the promise.

// Cleanup implements testing.TB.
func (b *bubble) Cleanup(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cleanups = append(b.cleanups, f)
}

// Context implements testing.TB.
func (b *bubble) Context() context.Context { return b.ctx }

func (b *bubble) complaint(text string) {
	b.fail("the test's own client has nothing to complain of", text)
}

// Error implements testing.TB.
func (b *bubble) Error(args ...any) { b.complaint(fmt.Sprint(args...)) }

// Errorf implements testing.TB.
func (b *bubble) Errorf(format string, args ...any) { b.complaint(fmt.Sprintf(format, args...)) }

// Fail implements testing.TB.
func (b *bubble) Fail() { b.complaint("it failed, and did not say why") }

// FailNow implements testing.TB.
func (b *bubble) FailNow() {
	b.Fail()
	runtime.Goexit()
}

// Fatal implements testing.TB.
func (b *bubble) Fatal(args ...any) {
	b.Error(args...)
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (b *bubble) Fatalf(format string, args ...any) {
	b.Errorf(format, args...)
	runtime.Goexit()
}

// Failed implements testing.TB.
func (b *bubble) Failed() bool {
	broken, _ := b.result()
	return broken != nil
}

// Log implements testing.TB.
func (b *bubble) Log(args ...any) { b.note("%s", fmt.Sprint(args...)) }

// Logf implements testing.TB.
func (b *bubble) Logf(format string, args ...any) { b.note(format, args...) }

// Skip implements testing.TB.
func (b *bubble) Skip(args ...any) { b.skip(fmt.Sprint(args...)) }

// Skipf implements testing.TB.
func (b *bubble) Skipf(format string, args ...any) { b.skip(fmt.Sprintf(format, args...)) }

// SkipNow implements testing.TB.
func (b *bubble) SkipNow() { b.skip("the test's own client skips it, and does not say why") }

// Skipped implements testing.TB.
func (b *bubble) Skipped() bool {
	_, skipped := b.result()
	return skipped != ""
}

func (b *bubble) skip(why string) {
	b.mu.Lock()
	if b.skipped == "" {
		b.skipped = why
	}
	b.mu.Unlock()
	runtime.Goexit()
}

// supported skips the promise if err says that the transport lacks something.
func (b *bubble) supported(err error) {
	if errors.Is(err, errors.ErrUnsupported) {
		b.skip(err.Error())
	}
}
