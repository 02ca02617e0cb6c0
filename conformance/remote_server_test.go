package conformance_test

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// server is the store that remotes share.
type server struct {
	ways      ways          // of all handles
	delay     time.Duration // of each packet
	retention time.Duration

	mu       sync.Mutex // protects what follows, and all networks and links
	rooms    map[broker.Key]room
	feeds    map[broker.Key][]feed
	networks []*network
}

// room is a record, which has last been aged at a time.
type room struct {
	broker.State
	aged time.Time
}

// feed is a subscription as the server knows it: whom to tell, and through what.
type feed struct {
	link *link
	sub  *remoteSubscription
}

const (
	smallValue = 64 << 10 // bytes
	smallKey   = 100      // bytes
	inboxLimit = 10_000   // of a link, in packets; the server cuts those that lag behind
)

// state returns the record of key. s.mu is held, as in what follows.
func (s *server) state(key broker.Key) broker.State {
	r := s.rooms[key]
	for range min(2, int(time.Since(r.aged)/s.retention)) { // after two, no receipt is left
		r = room{r.Age(), time.Now()}
	}
	if r.Empty() {
		delete(s.rooms, key)
		return broker.State{}
	}
	s.rooms[key] = r
	return r.State
}

func (s *server) commit(key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if err := checkCommit(key, c); err != nil {
		return broker.Receipt{}, err
	}
	old := s.state(key)
	next, receipt, err := broker.Apply(old, c)
	if err != nil {
		return broker.Receipt{}, fmt.Errorf("remote: %w", err)
	}
	s.ways.decided(s)
	aged := s.rooms[key].aged
	if aged.IsZero() {
		aged = time.Now()
	}
	s.rooms[key] = room{next, aged}
	at := next.Record(false).At
	if at.Seq == old.Record(false).At.Seq { // no messages, or it was applied before
		return receipt, nil
	}
	at.Seq -= uint64(len(c.Messages))
	for _, body := range c.Messages {
		at.Seq++
		m := broker.Message{At: at, Commit: c.ID, Version: receipt.Version, Body: slices.Clip(body)}
		for _, f := range slices.Clone(s.feeds[key]) { // a link that lags behind takes its own away
			f.link.push(packet{sub: f.sub, message: &m})
		}
	}
	return receipt, nil
}

// forget drops the feeds that are meant.
func (s *server) forget(meant func(feed) bool) {
	for key, feeds := range s.feeds {
		if feeds = slices.DeleteFunc(feeds, meant); len(feeds) == 0 {
			delete(s.feeds, key)
		} else {
			s.feeds[key] = feeds
		}
	}
}

// restart is a moment in which nobody is connected.
func (s *server) restart(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	for _, n := range s.networks {
		n.cut()
	}
}

// dropReceipts forgets all receipts, and what is nothing without them.
func (s *server) dropReceipts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, r := range s.rooms {
		s.rooms[key] = room{r.Age().Age(), r.aged}
	}
}

func (s *server) subscriptions() (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, feeds := range s.feeds {
		n += len(feeds)
	}
	return n, nil
}

func checkKey(key broker.Key) error {
	if n := len(key.Namespace) + len(key.Room); n > smallKey {
		return fmt.Errorf("remote: %w: the key has %d bytes", broker.ErrTooLarge, n)
	}
	return nil
}

func checkCommit(key broker.Key, c broker.Commit) error {
	bodies := append(slices.Clone(c.Messages), c.Value.Value)
	for _, m := range c.Members {
		bodies = append(bodies, m.Data)
	}
	if slices.ContainsFunc(bodies, func(b []byte) bool { return len(b) > smallValue }) {
		return fmt.Errorf("remote: %w: more than %d bytes", broker.ErrTooLarge, smallValue)
	}
	return checkKey(key)
}
