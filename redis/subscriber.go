package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
)

// ErrReconnected is the reason of a gap: the connection for messages was made
// anew, and what was published meanwhile is lost.
var ErrReconnected = errors.New("redis: the connection for messages was made anew")

// ErrMissing is the reason of a gap: the numbers of a room's messages show that
// some did not arrive, or that the server went back to an earlier state.
var ErrMissing = errors.New("redis: a room's messages don't follow each other")

// subscriber has the topics that are subscribed to here. One connection serves
// them all, see link.go: it sends what the server has yet to be told, and hands
// in what the server says.
type subscriber struct {
	broker  *Broker
	client  goredis.UniversalClient
	cluster bool

	ctx    context.Context // ends with the broker
	cancel context.CancelFunc
	tasks  sync.WaitGroup // run, and connections that are being closed

	// mu protects what follows, and all topics and subscriptions. Nobody waits for
	// the network or calls a handler under it.
	mu      sync.Mutex
	topics  map[string]*topic
	todo    map[string]*topic // those the server may have to be told of, or that may be dropped
	behind  []*topic          // those that are live again, and whose position has to be known before the gap is told
	link    *link             // the connection; nil if there is none. What another one hands in is late and dropped
	trouble error             // why there is none, or why it isn't trusted
}

// topic is a room that somebody here is subscribed to, or was until just now.
type topic struct {
	key  broker.Key
	name string
	subs []*subscription

	asked      bool            // the last that was sent over this connection is SUBSCRIBE
	unanswered int             // what was sent over this connection and not yet acknowledged
	again      bool            // it was live over another connection: there is a gap to be told before it is heard
	last       broker.Position // of the last message; zero: unknown
}

// live says whether the server sends what is published to t.
func (t *topic) live() bool { return t.asked && t.unanswered == 0 }

func newSubscriber(b *Broker, client goredis.UniversalClient) *subscriber {
	s := &subscriber{broker: b, client: client, topics: map[string]*topic{}, todo: map[string]*topic{}}
	_, s.cluster = client.(*goredis.ClusterClient)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.tasks.Go(s.run)
	return s
}

// send lets the link look at t. mu is held.
func (s *subscriber) send(t *topic) {
	if s.topics[t.name] == t { // not one that was dropped
		s.todo[t.name] = t
		if s.link != nil {
			wake(s.link.wake)
		}
	}
}

// wake wakes whoever waits for c.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // somebody has
	}
}

// unsent takes names of topics that the server has to be told of, at most most of
// each kind, and forgets topics that nobody needs any more.
func (s *subscriber) unsent(l *link, most int) (subscribe, unsubscribe []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return nil, nil
	}
	for name, t := range s.todo {
		if len(subscribe) == most || len(unsubscribe) == most {
			break
		}
		delete(s.todo, name)
		wanted := len(t.subs) > 0
		switch {
		case !wanted && !t.asked && t.unanswered == 0:
			delete(s.topics, name)
		case wanted && !t.asked:
			t.asked = true
			t.unanswered++
			subscribe = append(subscribe, name)
		case !wanted && t.asked:
			t.asked = false
			t.unanswered++
			unsubscribe = append(unsubscribe, name)
		}
	}
	return subscribe, unsubscribe
}

// acknowledged notes that the server has done what it was told about a topic.
func (s *subscriber) acknowledged(l *link, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return
	}
	s.trouble = nil
	t := s.topics[name]
	if t == nil || t.unanswered == 0 {
		return // the probe's
	}
	t.unanswered--
	switch {
	case t.live() && t.again && s.cluster:
		s.behind = append(s.behind, t)
		wake(l.behind)
	case t.live():
		s.resume(t, broker.Position{}, time.Time{})
	case t.unanswered == 0:
		s.send(t) // it may be dropped, or is wanted again
	}
}

// up notes that there is a connection, with nothing sent over it.
func (s *subscriber) up(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link, s.trouble = l, nil
	wake(l.wake)
}

// doubt notes that l can't be tried. It is trusted again when something is heard.
func (s *subscriber) doubt(l *link, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == l {
		s.trouble = reason
	}
}

// down notes that there is no connection any more.
func (s *subscriber) down(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link, s.trouble = nil, reason
	clear(s.todo)
	s.behind = nil
	for name, t := range s.topics {
		t.again = t.again || slices.ContainsFunc(t.subs, func(sub *subscription) bool { return sub.on })
		t.asked, t.unanswered, t.last = false, 0, broker.Position{}
		for _, sub := range t.subs {
			sub.after = broker.Position{} // the store may have gone back
		}
		if len(t.subs) == 0 {
			delete(s.topics, name)
		} else {
			s.todo[name] = t
		}
	}
}

func (s *subscriber) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return broker.ErrClosed
	case s.trouble != nil:
		return fmt.Errorf("the connection for messages is away, or can't be tried: %w", s.trouble)
	case s.link == nil:
		return errors.New("the connection for messages is not there yet")
	}
	missing := 0
	for _, t := range s.topics {
		if len(t.subs) > 0 && (!t.live() || t.again) {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d subscriptions are not acknowledged", missing, len(s.topics))
	}
	return nil
}

// close ends all subscriptions.
func (s *subscriber) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	s.cancel()
	for _, t := range s.topics {
		for _, sub := range t.subs {
			sub.inbox.Close()
		}
	}
	s.broker.inboxes.End()
}
