package memory

import "github.com/spinneyio/est/broker"

// delivery is what one commit published. All subscriptions share it.
type delivery struct {
	commit  broker.CommitID
	version broker.Version
	epoch   string
	before  uint64 // the sequence number before the first
	bodies  [][]byte
}

func (d *delivery) message(i int) broker.Message {
	body := d.bodies[i]
	return broker.Message{
		At:      broker.Position{Epoch: d.epoch, Seq: d.before + uint64(i) + 1},
		Commit:  d.commit,
		Version: d.version,
		Body:    body[:len(body):len(body)], // an append by a handler must not write into it
	}
}

// queue is the messages that wait for a handler, as parts of deliveries.
type queue struct {
	parts []part // those before head have been taken
	head  int
	size  int // messages
}

// part is the messages of a delivery from one index up to another.
type part struct {
	*delivery
	from, to int
}

// push appends the first n messages of d.
func (q *queue) push(d *delivery, n int) {
	if n == 0 {
		return
	}
	if len(q.parts) == cap(q.parts) && q.head > len(q.parts)/2 {
		kept := copy(q.parts, q.parts[q.head:])
		clear(q.parts[kept:])
		q.parts, q.head = q.parts[:kept], 0
	}
	q.parts = append(q.parts, part{d, 0, n})
	q.size += n
}

// pop takes the first message. There is one.
func (q *queue) pop() broker.Message {
	p := &q.parts[q.head]
	m := p.message(p.from)
	q.size--
	if p.from++; p.from < p.to {
		return m
	}
	*p = part{}
	q.head++
	if q.size == 0 {
		q.reset()
	}
	return m
}

// reset reuses the space of a queue that is dry, unless it has been large.
func (q *queue) reset() {
	if cap(q.parts) > 64 {
		q.parts = nil
	}
	q.parts, q.head = q.parts[:0], 0
}
