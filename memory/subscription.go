package memory

import (
	"context"
	"errors"
	"sync"

	"github.com/spinneyio/est/broker"
)

// ErrOverflow is the reason of a gap: the handler was so slow that its queue was
// full, and messages were dropped.
var ErrOverflow = errors.New("memory: the queue of the subscription overflowed")

// subscription is one handler of one room.
type subscription struct {
	broker  *Broker
	key     broker.Key
	handler broker.Handler

	// mu protects the rest. It is never held while the handler is called.
	mu      sync.Mutex
	queue   queue
	lost    bool // messages were dropped after those in queue; so are all until it is dry
	running bool // a goroutine is in run
	closed  bool
}

// enqueue takes what fits of d, and sees to it that somebody delivers it. The
// shard's lock is held, so that all subscriptions get the commits in one order.
func (s *subscription) enqueue(d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.lost {
		return
	}
	room := s.broker.options.Queue - s.queue.size
	s.queue.push(d, min(len(d.bodies), room))
	s.lost = len(d.bodies) > room
	if !s.running {
		s.running = true
		s.broker.running.Add(1)
		go s.run()
	}
}

// run calls the handler until there is nothing more to deliver.
func (s *subscription) run() {
	defer s.broker.done()
	for {
		m, what := s.next()
		switch what {
		case message:
			s.handler.Message(m)
		case gap:
			s.handler.Gap(ErrOverflow)
		case nothing:
			return
		}
	}
}

// What next has found.
const (
	nothing = iota
	message
	gap
)

// next takes what is to be delivered next. After nothing, run must end.
func (s *subscription) next() (m broker.Message, what int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.queue.size > 0:
		return s.queue.pop(), message
	case s.lost:
		s.lost = false // before the gap is told: what is committed from then on arrives
		return m, gap
	default:
		s.running = false
		return m, nothing
	}
}

// Close ends the subscription, as in [broker.Subscription]. It waits for nothing
// and returns no error.
func (s *subscription) Close(context.Context) error {
	s.end() // first, lest a Close of the broker misses one that is no longer in its room
	s.broker.shard(s.key).unsubscribe(s.key, s)
	return nil
}

// end lets no call of the handler follow.
func (s *subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.lost, s.queue = true, false, queue{}
}
