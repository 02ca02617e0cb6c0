package conformance

import (
	"testing"
	"time"
)

// FirstBroken tries the promises in their order until one is broken, and returns
// its name and what was told of it; "" if none is.
func FirstBroken(t *testing.T, dial Dial, patience time.Duration) (name, told string) {
	for i := range promises {
		b := promises[i].try(t, dial, patience)
		if broken, _ := b.result(); broken != nil {
			return broken.promise, broken.String()
		}
	}
	return "", ""
}

// SetRealPatience sets it for the whole process.
func SetRealPatience(d time.Duration) { realPatience = d }

// Promises has the names of all.
func Promises() (names []string) {
	for _, p := range promises {
		names = append(names, p.name)
	}
	return names
}
