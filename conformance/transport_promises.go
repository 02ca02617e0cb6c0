package conformance

import "slices"

// promise is one thing that package transport promises, as a case.
type promise struct {
	name   string
	says   string // what has to hold
	breaks string // what goes wrong with est if it doesn't
	check  func(*bubble)
}

// These three are looked at in all cases, besides their own.
const (
	callsDoNotOverlap = "calls of a session do not overlap"
	closedIsLast      = "Closed comes once, and last"
	nothingIsLeft     = "nothing is left behind"
)

// promises are all of them, what others build on first: so the first that is
// broken is where to begin.
var promises = slices.Concat(
	messagePromises,
	pressurePromises,
	closePromises,
	lossPromises,
	wholePromises,
)

// find returns the promise of this name.
func find(name string) *promise {
	return &promises[slices.IndexFunc(promises, func(p promise) bool { return p.name == name })]
}
