package inbox

import (
	"sync"

	"github.com/spinneyio/est/broker"
)

// Inbox is the queue of one subscription. Make one with [Group.Open]. Its methods
// may be called concurrently; who calls them decides the order.
type Inbox struct {
	group   *Group
	handler broker.Handler

	// mu protects the rest. It is never held while the handler is called.
	mu      sync.Mutex
	queue   queue
	lost    bool // messages were dropped after those in queue; so are all until it is dry
	running bool // a goroutine is in run
	closed  bool
}

// Deliver takes what fits of d, and sees to it that the handler gets it.
func (b *Inbox) Deliver(d *Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.lost {
		return
	}
	room := b.group.size - b.queue.size
	b.queue.push(d, min(len(d.Bodies), room))
	b.lost = len(d.Bodies) > room
	b.start()
}

// Gap lets the handler be told of a gap, after what was delivered before.
func (b *Inbox) Gap(reason error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.lost { // if lost, a gap is to come anyway, after all that is queued
		return
	}
	b.queue.pushGap(reason)
	b.start()
}

// Close lets no call of the handler follow, but for one that is under way or at
// its very beginning.
func (b *Inbox) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.lost, b.queue = true, false, queue{}
}

// start sees to it that a goroutine is in run. mu is held, and b is not closed.
func (b *Inbox) start() {
	if !b.running {
		b.running = true
		b.group.running.Add(1)
		go b.run()
	}
}

// run calls the handler until there is nothing more to deliver.
func (b *Inbox) run() {
	defer b.group.done()
	for {
		m, gap, ok := b.next()
		switch {
		case !ok:
			return
		case gap != nil:
			b.handler.Gap(gap)
		default:
			b.handler.Message(m)
		}
	}
}

// next takes what is to be delivered next. If that is nothing, run must end.
func (b *Inbox) next() (m broker.Message, gap error, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.queue.empty():
		m, gap = b.queue.pop()
		return m, gap, true
	case b.lost:
		b.lost = false // before the gap is told: what is committed from then on arrives
		return m, b.group.overflow, true
	default:
		b.running = false
		return m, nil, false
	}
}
