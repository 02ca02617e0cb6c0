package redis

import (
	"slices"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// What follows is what subscriptions are told of a topic, and when.

// resume lets t be heard, which is live, after a gap if it was heard before.
// Messages up to the position after, which was asked for then, are from before. mu is
// held.
func (s *subscriber) resume(t *topic, after broker.Position, since time.Time) {
	t.last = broker.Position{}
	if t.again {
		t.again = false
		s.gap(t, ErrReconnected)
		for _, sub := range t.subs {
			sub.after, sub.since = after, since
		}
	}
	for _, sub := range t.subs {
		sub.start()
	}
}

// nextBehind takes topics whose position has to be known, at most most.
func (s *subscriber) nextBehind(l *link, most int) []*topic {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return nil
	}
	n := min(len(s.behind), most)
	topics := s.behind[:n:n]
	s.behind = s.behind[n:]
	return topics
}

// caughtUp notes the position of t, which was asked for then, or that it could not be
// loaded.
func (s *subscriber) caughtUp(l *link, t *topic, at broker.Position, since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.link != l || !t.live():
	case err != nil:
		s.behind = append(s.behind, t)
	default:
		s.resume(t, at, since)
	}
}

// gap tells all that are on of a gap. mu is held.
func (s *subscriber) gap(t *topic, reason error) {
	for _, sub := range t.subs {
		if sub.on {
			sub.after = broker.Position{}
			sub.inbox.Gap(reason)
		}
	}
}

// published delivers what was published to a topic.
func (s *subscriber) published(l *link, name, payload string) {
	d, err := parseFrame(payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return
	}
	s.trouble = nil
	t := s.topics[name]
	if t == nil || t.again {
		return // nobody needs it any more; or it is before the gap; or it is the probe's
	}
	if err != nil {
		s.gap(t, err)
		return
	}
	if !follows(t.last, d) || slices.ContainsFunc(t.subs, func(sub *subscription) bool { return sub.on && sub.wentBack(d) }) {
		s.gap(t, ErrMissing)
	}
	t.last = broker.Position{Epoch: d.Epoch, Seq: d.Before + uint64(len(d.Bodies))}
	for _, sub := range t.subs {
		if sub.on && !sub.before(d) {
			sub.inbox.Deliver(d)
		}
	}
}

// follows says whether nothing is missing between last and d.
func follows(last broker.Position, d *inbox.Delivery) bool {
	switch last.Epoch {
	case "":
		return true
	case d.Epoch:
		return last.Seq == d.Before
	default:
		return d.Before == 0
	}
}
