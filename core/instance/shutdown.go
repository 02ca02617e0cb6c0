package instance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spinneyio/est/core"
)

// Shutdown drains the instance: it takes in no connections any more, tells those
// that it has to go, some at a time, each with core.CloseGoingAway and a reason
// that says after how many milliseconds to come back ("come back in 1500 ms"),
// spread so that they don't come back all at once; runs every Leave; waits for
// side effects; and ends. When ctx is done first, what is left is cut off and the
// error says how much that was. Calling it again waits for the same end.
func (i *Instance[C, R]) Shutdown(ctx context.Context) error {
	i.mu.Lock()
	first := i.drained == nil
	if first {
		i.drained = make(chan struct{})
		i.draining.Store(true)
	}
	var conns []*conn[C, R]
	for c := range i.conns {
		conns = append(conns, c)
	}
	i.checkDrained()
	i.mu.Unlock()

	if first {
		i.tellToGo(ctx, conns)
	}
	select {
	case <-i.drained:
		i.end()
		return nil
	case <-ctx.Done():
	}
	i.mu.Lock()
	left := fmt.Errorf("instance: shutdown was cut off with %d connections, %d rooms and %d tasks left: %w",
		len(i.conns), len(i.rooms), i.busy.Load(), context.Cause(ctx))
	i.end()
	for _, r := range i.rooms {
		r.wakeUp()
	}
	i.mu.Unlock()
	for _, c := range conns {
		c.t.Close(core.CloseGoingAway, core.CloseGoingAway.Reason())
	}
	return left
}

// tellToGo closes connections, a batch each tenth of a second. Twice the time
// that it takes is what they are asked to spread their coming back over.
func (i *Instance[C, R]) tellToGo(ctx context.Context, conns []*conn[C, R]) {
	const beat = 100 * time.Millisecond
	spread := 2 * beat * time.Duration(1+len(conns)/i.o.DrainBatch)
	for n, c := range conns {
		if n > 0 && n%i.o.DrainBatch == 0 {
			select {
			case <-time.After(beat):
			case <-ctx.Done():
			}
		}
		c.finish(core.CloseGoingAway, fmt.Sprintf("come back in %d ms", rand.N(spread).Milliseconds()))
		c.leave()
	}
}

// work counts the goroutines that must end before the instance does.
func (i *Instance[C, R]) work(n int64) {
	if i.busy.Add(n) == 0 && i.draining.Load() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.checkDrained()
	}
}

// checkDrained sees whether a shutdown is complete. i.mu is held.
func (i *Instance[C, R]) checkDrained() {
	if i.drained == nil || len(i.conns)+len(i.rooms) > 0 || i.busy.Load() > 0 {
		return
	}
	select {
	case <-i.drained:
	default:
		close(i.drained)
	}
}
