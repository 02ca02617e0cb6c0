package memory

import (
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// shard is a part of the rooms, by hash of the key.
type shard struct {
	// mu protects all of the shard, its rooms, and their order of messages. The
	// locks of subscriptions and of the retention are taken under it.
	mu    sync.Mutex
	rooms map[broker.Key]*room
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

// enter locks the shard of key for a call of b, and the caller unlocks it; or it
// fails, if b is closed. A call that comes in before leave has been to the shard
// counts as before Close, and any other finds b closed: so once Close has
// returned, nothing of b happens any more.
func (b *Broker) enter(key broker.Key) (*shard, error) {
	s := b.shard(key)
	s.mu.Lock()
	if b.closed.Load() {
		s.mu.Unlock()
		return nil, broker.ErrClosed
	}
	return s, nil
}

// leave ends the subscriptions of b, which is closed.
func (s *shard) leave(b *Broker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		r.subscriptions = slices.DeleteFunc(r.subscriptions, func(sub *subscription) bool {
			if sub.broker != b {
				return false
			}
			sub.inbox.Close()
			return true
		})
		s.tidy(r)
	}
}

func (b *Broker) commit(key broker.Key, c broker.Commit) (broker.Receipt, error) {
	s, err := b.enter(key)
	if err != nil {
		return broker.Receipt{}, err
	}
	defer s.mu.Unlock()
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
		d := &inbox.Delivery{Commit: c.ID, Version: receipt.Version, Epoch: receipt.At.Epoch, Before: before, Bodies: c.Messages}
		for _, sub := range r.subscriptions {
			sub.inbox.Deliver(d) // under the lock, so that all get the commits in one order
		}
	}
	return receipt, nil
}

func (b *Broker) subscribe(key broker.Key, sub *subscription) error {
	s, err := b.enter(key)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	r := s.at(key)
	r.subscriptions = append(r.subscriptions, sub)
	return nil
}

func (s *shard) unsubscribe(key broker.Key, sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[key]
	if r == nil {
		return // gone with its last subscription
	}
	r.subscriptions = slices.DeleteFunc(r.subscriptions, func(x *subscription) bool { return x == sub })
	s.tidy(r)
}
