package micro

import (
	"runtime"
	"time"

	"github.com/spinneyio/est/bench/internal/usage"
)

// Cost is what one operation takes: processor time of the whole process, collector
// included, so that it doesn't matter who else is on the machine; and allocations.
type Cost struct {
	Nanoseconds, Allocs float64
}

// Measure runs do, which does n operations, for about as long as told.
func Measure(about time.Duration, do func(n int)) Cost {
	n := 1
	for {
		c, spent := measure(n, do)
		if spent >= about {
			return c
		}
		grown := 100 * n
		if spent > 0 {
			grown = min(grown, int(float64(n)*1.2*float64(about)/float64(spent)))
		}
		n = max(grown, n+1)
	}
}

func measure(n int, do func(n int)) (Cost, time.Duration) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu := usage.Self()
	do(n)
	used := usage.Self().Sub(cpu)
	runtime.ReadMemStats(&after)
	spent := used.User + used.System
	return Cost{float64(spent) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n)}, spent
}
