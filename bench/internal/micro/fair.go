package micro

import (
	"slices"
	"sync"
	"time"
)

// Fairness is how long messages in quiet rooms take, with and without one room in
// which messages are sent as fast as it takes them. The first connection is in that.
func (c *Crowd) Fairness(about time.Duration, hot bool) (median time.Duration) {
	end := make(chan struct{})
	var flood sync.WaitGroup
	if hot {
		flood.Go(func() { c.flood(end) })
	}
	var took []time.Duration
	for start := time.Now(); time.Since(start) < about; {
		one := c.clients[1+len(took)%(len(c.clients)-1)]
		sent := time.Now()
		one.session.Receive(c.message)
		one.wait(1)
		took = append(took, time.Since(sent))
	}
	close(end)
	flood.Wait()
	slices.Sort(took)
	return took[len(took)/2]
}

// flood keeps 32 messages of the first connection under way, until end.
func (c *Crowd) flood(end <-chan struct{}) {
	one := c.clients[0]
	waiting := 0
	for {
		select {
		case <-end:
			one.wait(waiting)
			return
		default:
		}
		for ; waiting < 32; waiting++ {
			one.session.Receive(c.message)
		}
		waiting -= <-one.got
	}
}
