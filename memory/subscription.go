package memory

import (
	"context"
	"errors"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// ErrOverflow is the reason of a gap: the handler was so slow that its queue was
// full, and messages were dropped.
var ErrOverflow = errors.New("memory: the queue of the subscription overflowed")

// subscription is one handler of one room.
type subscription struct {
	broker *Broker
	key    broker.Key
	inbox  *inbox.Inbox
}

// Close ends the subscription, as in [broker.Subscription]. It waits for nothing
// and returns no error.
func (s *subscription) Close(context.Context) error {
	s.inbox.Close() // first, lest a Close of the broker misses one that is no longer in its room
	s.broker.shard(s.key).unsubscribe(s.key, s)
	return nil
}
