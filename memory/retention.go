package memory

import (
	"sync"
	"sync/atomic"
	"time"
)

// retention is the queue of rooms that have receipts, by when to age them. Each
// waits for the same time, so the order of adding is the order of being due.
type retention struct {
	start time.Time
	keep  time.Duration

	// first is when the first room is due, after start; 0 if none waits. Commits
	// look at it without the lock.
	first atomic.Int64

	// mu protects the queue: due and next of the rooms that wait, and the ends.
	mu         sync.Mutex
	head, tail *room
}

// add lets r wait from now on.
func (q *retention) add(r *room) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Taken under the lock, so that the queue is sorted.
	r.due, r.next = time.Since(q.start)+q.keep, nil
	if q.head == nil {
		q.head = r
		q.first.Store(int64(r.due))
	} else {
		q.tail.next = r
	}
	q.tail = r
}

// take takes out a room that is due; nil if there is none.
func (q *retention) take() *room {
	if first := q.first.Load(); first == 0 || time.Since(q.start) < time.Duration(first) {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.head
	if r == nil || time.Since(q.start) < r.due {
		return nil // another commit was faster
	}
	if q.head, r.next = r.next, nil; q.head == nil {
		q.tail = nil
		q.first.Store(0)
	} else {
		q.first.Store(int64(q.head.due))
	}
	return r
}

// sweepMost bounds what a single commit does for other rooms. A commit adds one
// room at most, so the queue of those that are due shrinks.
const sweepMost = 64

// sweep ages rooms that are due, and drops those of which nothing is left.
func (st *store) sweep() {
	for range sweepMost {
		r := st.retention.take()
		if r == nil {
			return
		}
		st.age(r)
	}
}

func (st *store) age(r *room) {
	s := st.shard(r.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.state = r.state.Age()
	if r.state.Receipts() > 0 {
		st.retention.add(r)
		return
	}
	r.waits = false
	s.tidy(r)
}
