package inbox

import "github.com/spinneyio/est/broker"

// Delivery is what one commit published. All inboxes share it, so it must not be
// changed any more.
type Delivery struct {
	Commit  broker.CommitID
	Version broker.Version
	Epoch   string
	Before  uint64 // the sequence number before the first
	Bodies  [][]byte
}

func (d *Delivery) message(i int) broker.Message {
	body := d.Bodies[i]
	return broker.Message{
		At:      broker.Position{Epoch: d.Epoch, Seq: d.Before + uint64(i) + 1},
		Commit:  d.Commit,
		Version: d.Version,
		Body:    body[:len(body):len(body)], // an append by a handler must not write into it
	}
}

// queue is what waits for a handler: parts of deliveries, and gaps.
type queue struct {
	parts []part // those before head have been taken
	head  int
	size  int // messages
}

// part is the messages of a delivery from one index up to another, or a gap.
type part struct {
	*Delivery
	from, to int
	gap      error
}

func (q *queue) empty() bool { return q.head == len(q.parts) }

// push appends the first n messages of d.
func (q *queue) push(d *Delivery, n int) {
	if n > 0 {
		q.append(part{Delivery: d, to: n})
		q.size += n
	}
}

// pushGap appends a gap, unless that is what comes last anyway.
func (q *queue) pushGap(reason error) {
	if q.empty() || q.parts[len(q.parts)-1].gap == nil {
		q.append(part{gap: reason})
	}
}

func (q *queue) append(p part) {
	if len(q.parts) == cap(q.parts) && q.head > len(q.parts)/2 {
		kept := copy(q.parts, q.parts[q.head:])
		clear(q.parts[kept:])
		q.parts, q.head = q.parts[:kept], 0
	}
	q.parts = append(q.parts, p)
}

// pop takes the first message or gap. There is one.
func (q *queue) pop() (m broker.Message, gap error) {
	p := &q.parts[q.head]
	if gap = p.gap; gap == nil {
		m = p.message(p.from)
		q.size--
		if p.from++; p.from < p.to {
			return m, nil
		}
	}
	*p = part{}
	q.head++
	if q.empty() {
		q.reset()
	}
	return m, gap
}

// reset reuses the space of a queue that is dry, unless it has been large.
func (q *queue) reset() {
	if cap(q.parts) > 64 {
		q.parts = nil
	}
	q.parts, q.head = q.parts[:0], 0
}
