package instance

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spinneyio/est/core"
)

// Shutdown drains the instance: it takes in no connections any more, tells those
// that it has to go, some at a time, each with core.CloseGoingAway and a reason
// that says after how many milliseconds to come back ("come back in 1500 ms"),
// spread so that they don't come back all at once; answers what they had sent by
// then; runs every Leave; waits for side effects; and ends. When ctx is done first, what is left is cut off: what
// has no answer of the broker is given up, side effects that wait are not
// performed, the context of the one that runs ends. The error says how much was
// left, and wraps the cause of ctx. The broker must stay open until then: Leave is
// never given up, so on a closed one only ctx ends it. Calling Shutdown again, also concurrently,
// waits for the same end and returns the same.
func (i *Instance[C, R]) Shutdown(ctx context.Context) error {
	i.mu.Lock()
	first := i.drained == nil
	if first {
		i.drained = make(chan struct{})
		i.draining.Store(true)
	}
	conns := slices.Collect(maps.Keys(i.conns))
	i.checkDrained()
	i.mu.Unlock()

	if first {
		i.tellToGo(ctx, conns)
	}
	select {
	case <-i.drained:
	case <-ctx.Done():
		i.cut(context.Cause(ctx))
	}
	i.end()
	return i.cutOff // not changed any more since drained was closed
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
				return
			}
		}
		c.dismiss(fmt.Sprintf("come back in %d ms", rand.N(spread).Milliseconds()))
	}
}

// checkDrained sees whether a shutdown is complete, but for the instance's own
// records, which it takes back last. i.mu is held.
func (i *Instance[C, R]) checkDrained() {
	if i.drained != nil && len(i.conns)+len(i.rooms)+len(i.retired) == 0 && i.busy.Load() == 0 && !i.stopping {
		i.stopping = true
		i.pulse.post(core.Stopped{})
	}
}

// ended completes a shutdown.
func (i *Instance[C, R]) ended() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.isDrained() {
		close(i.drained)
	}
}

func (i *Instance[C, R]) isDrained() bool {
	select {
	case <-i.drained:
		return true
	default:
		return false
	}
}

// cut ends what a shutdown has not completed, by force. Rooms see it when their
// call of the broker ends, or else when their connections tell that they are gone.
func (i *Instance[C, R]) cut(cause error) {
	i.mu.Lock()
	if i.isDrained() {
		i.mu.Unlock()
		return
	}
	i.cutOff = fmt.Errorf("instance: shutdown was cut off with %d connections, %d rooms and %d tasks left: %w",
		len(i.conns), len(i.rooms)+len(i.retired), i.busy.Load(), cause)
	close(i.drained)
	i.end()
	conns := slices.Collect(maps.Keys(i.conns))
	i.mu.Unlock()
	for _, c := range conns {
		c.t.Close(core.CloseGoingAway, cmp.Or(c.out.discard(), core.CloseGoingAway.Reason()))
	}
}
