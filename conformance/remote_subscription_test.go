package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spinneyio/est/broker"
)

// remoteSubscription is protected by the lock of its broker.
type remoteSubscription struct {
	r       *remote
	key     broker.Key
	handler broker.Handler
	live    chan struct{} // closed when the server has confirmed it for the first time
	isLive  bool

	queue   []broker.Message
	gap     error // to be told after queue; till then, what comes is dropped
	running bool  // a goroutine is in run
	ended   bool
}

// Subscribe returns when the server has confirmed the subscription. In an outage
// that is when there is a stream again.
func (r *remote) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if h.Message == nil || h.Gap == nil {
		return nil, errors.New("remote: a handler needs both functions, Message and Gap")
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	s := &remoteSubscription{r: r, key: key, handler: h, live: make(chan struct{})}
	if !s.begin() {
		return nil, fmt.Errorf("remote: %w", broker.ErrClosed)
	}
	select {
	case <-s.live:
	case <-ctx.Done():
	case <-r.closing:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, fmt.Errorf("remote: %w", broker.ErrClosed)
	case !s.isLive:
		s.end()
		return nil, fmt.Errorf("remote: %w", ctx.Err())
	}
	return s, nil // also if ctx has ended since: the handler may have been called
}

// begin asks the server for the subscription, or has it be asked with the next
// stream.
func (s *remoteSubscription) begin() bool {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.subs = append(r.subs, s)
	if r.stream != nil {
		r.stream.subscribe(s)
	}
	return true
}

// Close needs nothing of the network.
func (s *remoteSubscription) Close(context.Context) error {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.end()
	return nil
}

// end lets no call of the handler follow. The broker's lock is held, here and in
// what follows, but for run.
func (s *remoteSubscription) end() {
	if s.ended {
		return
	}
	s.ended, s.queue, s.gap = true, nil, nil
	s.r.subs = slices.DeleteFunc(s.r.subs, func(x *remoteSubscription) bool { return x == s })
	if s.r.stream != nil {
		s.r.stream.unsubscribe(s)
	}
}

// enqueue has m delivered, unless there is a gap to be told first.
func (s *remoteSubscription) enqueue(m broker.Message) {
	switch {
	case s.ended || s.gap != nil:
	case len(s.queue) == queueLimit:
		s.lose(errOverflow)
	default:
		s.queue = append(s.queue, m)
		s.wake()
	}
}

// lose has a gap be told, after what came before it.
func (s *remoteSubscription) lose(reason error) {
	if !s.ended {
		s.gap = reason
		s.wake()
	}
}

func (s *remoteSubscription) wake() {
	if !s.running {
		s.running = true
		s.r.running++
		go s.run()
	}
}

// run calls the handler until there is nothing more to tell.
func (s *remoteSubscription) run() {
	for next := s.next(); next != nil; next = s.next() {
		next()
	}
}

// next returns the next call of the handler. After nil, run must end.
func (s *remoteSubscription) next() (call func()) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	switch {
	case len(s.queue) > 0:
		m := s.queue[0]
		s.queue = s.queue[1:]
		return func() { s.handler.Message(m) }
	case s.gap != nil:
		reason := s.gap
		s.gap = nil // before it is told: what is committed from then on arrives
		return func() { s.handler.Gap(reason) }
	}
	s.running = false
	s.r.running--
	s.r.tellIdle()
	return nil
}
