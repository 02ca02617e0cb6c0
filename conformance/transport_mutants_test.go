package conformance_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spinneyio/est/conformance"
)

// wrongTransport is a transport that is wrong on purpose, and the promise that
// is the first to say so.
type wrongTransport struct {
	name    string
	promise string
	dial    conformance.Dial
	hangs   bool // on a lock, which takes real time to be noticed
}

var wrongTransports = slices.Concat(wrongMessages, wrongPressure, wrongCloses, wrongLosses, wrongWholes)

func TestWrongTransports(t *testing.T) {
	for _, w := range wrongTransports {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if w.hangs {
				patience = 3 * time.Second
			}
			switch promise, told := conformance.FirstBroken(t, w.dial, patience); promise {
			case w.promise:
				t.Logf("\n%s", told)
			case "":
				t.Errorf("breaks no promise, want %q", w.promise)
			default:
				t.Errorf("breaks the wrong promise, want %q:\n%s", w.promise, told)
			}
		})
	}
}

// A promise that finds nothing which those before it don't find proves nothing.
func TestEveryPromiseFindsAWrongTransport(t *testing.T) {
	for _, promise := range conformance.Promises() {
		if !slices.ContainsFunc(wrongTransports, func(w wrongTransport) bool { return w.promise == promise }) {
			t.Errorf("%s: no wrong transport breaks it first: write one, or drop the promise", promise)
		}
	}
}
