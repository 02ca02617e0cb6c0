package instance

import (
	"runtime"
	"sync/atomic"
)

// crew runs tasks that may wait for long, each on a goroutine of its own. A few
// goroutines that have nothing to do are kept for the next: a goroutine that begins
// has a small stack, and copies it as it grows, which costs more than what most tasks
// do.
type crew struct {
	next chan task       // to those who have nothing to do
	idle atomic.Int64    // how many those are
	keep int64           // how many there may be
	end  <-chan struct{} // closed when they may go
}

// task is what a crew runs. A pointer, so that handing it over allocates nothing.
type task interface{ run() }

func newCrew(end <-chan struct{}) *crew {
	return &crew{next: make(chan task), keep: int64(16 * runtime.GOMAXPROCS(0)), end: end}
}

func (c *crew) start(t task) {
	select {
	case c.next <- t:
	default:
		go c.work(t)
	}
}

func (c *crew) work(t task) {
	for {
		t.run()
		if c.idle.Add(1) > c.keep {
			c.idle.Add(-1)
			return
		}
		select {
		case t = <-c.next:
			c.idle.Add(-1)
		case <-c.end:
			return
		}
	}
}
