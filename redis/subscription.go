package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// subscription is one handler of a topic.
type subscription struct {
	subscriber *subscriber
	topic      *topic
	inbox      *inbox.Inbox
	ready      chan struct{}   // closed when the topic is live, for the first time since
	on         bool            // ready is closed
	after      broker.Position // messages up to here are from before Subscribe was called; zero: there can be none
	since      time.Time       // when after was asked for
}

// subscribe returns when the server will send what is published to key from then
// on.
func (s *subscriber) subscribe(ctx context.Context, key broker.Key, h broker.Handler) (*subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := strings.Clone(s.broker.names(key).topic) // which is kept, and is part of a longer text
	var after broker.Position
	since := time.Now()
	link, late := s.late(name)
	if late {
		r, err := s.broker.load(ctx, key, false)
		if err != nil {
			return nil, err
		}
		after = r.At
	}
	sub := &subscription{
		subscriber: s, inbox: s.broker.inboxes.Open(h), ready: make(chan struct{}), after: after, since: since,
	}
	if !s.add(sub, key, name, link) {
		return nil, broker.ErrClosed
	}
	select {
	case <-sub.ready:
		return sub, nil
	case <-ctx.Done():
		s.remove(sub)
		if health := s.health(); health != nil {
			return nil, fmt.Errorf("the server has not acknowledged it: %w (%w)", ctx.Err(), health)
		}
		return nil, fmt.Errorf("the server has not acknowledged it: %w", ctx.Err())
	case <-s.ctx.Done():
		return nil, broker.ErrClosed
	}
}

// late says whether messages may come that were published before now: if the
// topic has been subscribed to, or if they come by way of another node.
func (s *subscriber) late(name string) (*link, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link, s.cluster || s.topics[name] != nil
}

// add adds sub to its topic; false if the broker is closed.
func (s *subscriber) add(sub *subscription, key broker.Key, name string, loaded *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	if s.link != loaded {
		sub.after = broker.Position{} // the store may have gone back since
	}
	t := s.topics[name]
	if t == nil {
		t = &topic{key: key, name: name}
		s.topics[name] = t
	}
	sub.topic = t
	t.subs = append(t.subs, sub)
	if len(t.subs) == 1 {
		t.again = false // who was here before has gone
		s.send(t)       // it may be about to be unsubscribed from
	}
	if t.live() && !t.again {
		sub.start()
	}
	return true
}

// before says whether d is from before Subscribe was called, or before a gap.
func (sub *subscription) before(d *inbox.Delivery) bool {
	return sub.after.Epoch == d.Epoch && d.Before < sub.after.Seq
}

// wentBack says whether d has a number from before, but comes so late that it can't
// be: the server has gone back to an earlier state.
func (sub *subscription) wentBack(d *inbox.Delivery) bool {
	const onItsWay = time.Second // at most, from one node to another
	return sub.before(d) && time.Since(sub.since) > onItsWay
}

// start lets sub get messages.
func (sub *subscription) start() {
	if !sub.on {
		sub.on = true
		close(sub.ready)
	}
}

// remove takes sub out of its topic.
func (s *subscriber) remove(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.inbox.Close()
	t := sub.topic
	t.subs = slices.DeleteFunc(t.subs, func(x *subscription) bool { return x == sub })
	if len(t.subs) == 0 {
		s.send(t)
	}
}

// Close ends the subscription, as in [broker.Subscription]. It waits for nothing
// and returns no error.
func (sub *subscription) Close(context.Context) error {
	sub.subscriber.remove(sub)
	return nil
}
