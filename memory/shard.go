package memory

import (
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// shard is a part of the rooms, by hash of the key.
type shard struct {
	// mu protects all of the shard, its rooms, and their order of messages. The
	// locks of subscriptions and of the retention are taken under it.
	mu     sync.Mutex
	rooms  map[broker.Key]*room
	closed bool
}

// room is a record and who is subscribed to it. It is in its shard as long as
// there is either, and as long as the retention waits for it.
type room struct {
	key           broker.Key
	state         broker.State
	subscriptions []*subscription

	waits bool // in the retention's queue

	// The rest belongs to the retention, and is protected by its lock.
	due  time.Duration
	next *room
}

// at returns the room of key, a new one if there is none. s.mu is held.
func (s *shard) at(key broker.Key) *room {
	r := s.rooms[key]
	if r == nil {
		r = &room{key: key}
		s.rooms[key] = r
	}
	return r
}

// tidy drops r if nothing is left of it. s.mu is held.
func (s *shard) tidy(r *room) {
	if r.state.Empty() && len(r.subscriptions) == 0 && !r.waits {
		delete(s.rooms, r.key)
	}
}

func (s *shard) state(key broker.Key) (broker.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return broker.State{}, broker.ErrClosed
	}
	if r := s.rooms[key]; r != nil {
		return r.state, nil
	}
	return broker.State{}, nil
}

func (b *Broker) commit(key broker.Key, c broker.Commit) (broker.Receipt, error) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return broker.Receipt{}, broker.ErrClosed
	}
	r := s.at(key)
	defer s.tidy(r) // a new room whose first commit is refused
	state, receipt, err := broker.Apply(r.state, c)
	if err != nil {
		return broker.Receipt{}, err
	}
	before := r.state.Record(false).At.Seq
	r.state = state
	if !r.waits {
		r.waits = true
		b.retention.add(r)
	}
	if state.Record(false).At.Seq > before { // not a repeated commit, nor one without messages
		d := &delivery{commit: c.ID, version: receipt.Version, epoch: receipt.At.Epoch, before: before, bodies: c.Messages}
		for _, sub := range r.subscriptions {
			sub.enqueue(d)
		}
	}
	return receipt, nil
}

func (s *shard) subscribe(key broker.Key, sub *subscription) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return broker.ErrClosed
	}
	r := s.at(key)
	r.subscriptions = append(r.subscriptions, sub)
	return nil
}

func (s *shard) unsubscribe(key broker.Key, sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[key]
	if r == nil {
		return // closed
	}
	r.subscriptions = slices.DeleteFunc(r.subscriptions, func(x *subscription) bool { return x == sub })
	s.tidy(r)
}

func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, r := range s.rooms {
		for _, sub := range r.subscriptions {
			sub.end()
		}
	}
	s.rooms = nil
}
