package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/spinneyio/est/broker"
)

// The reasons of gaps, besides what the client library reports.
var (
	errOverflow   = errors.New("natsbroker: the queue of the subscription overflowed")
	errHole       = errors.New("natsbroker: the log has a hole, or goes on elsewhere")
	errConnection = errors.New("natsbroker: the connection was lost")
)

// subscription is one handler of one room. Whatever disturbs it, it is mended in
// one way: what has arrived is handled, then everything is set up anew, then the
// handler is told of a gap.
type subscription struct {
	broker     *Broker
	state, log string // the room's subjects
	handler    broker.Handler
	ctx        context.Context // ends with the subscription, or with the broker
	end        context.CancelFunc
	wake       chan struct{} // says that there is something for run; has room for one

	consumer  jetstream.Consumer       // of the log, in the server; nil: none. Only run uses it
	consuming jetstream.ConsumeContext // the same, here

	mu    sync.Mutex         // protects the rest; never held while the handler is called
	feed  jetstream.Consumer // whose messages count; nil: nobody's
	queue []broker.Message
	last  broker.Position // of the last message in queue, or handled, or not to be handled
	lost  error           // messages may be missing after those in queue; nil: none are
}

// Subscribe subscribes to messages, as in [broker.Broker].
func (b *Broker) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	s, err := b.subscribe(ctx, key, h)
	if err != nil {
		return nil, fmt.Errorf("natsbroker: subscribe to %.100q: %w", key, err)
	}
	return s, nil
}

func (b *Broker) subscribe(ctx context.Context, key broker.Key, h broker.Handler) (*subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if h.Message == nil || h.Gap == nil {
		return nil, errors.New("a handler needs both functions, Message and Gap")
	}
	state, log, err := b.subjects(key)
	if err != nil {
		return nil, err
	}
	s := &subscription{broker: b, state: state, log: log, handler: h, wake: make(chan struct{}, 1)}
	s.ctx, s.end = context.WithCancel(b.ctx)
	if !b.begin(s) {
		s.end()
		return nil, broker.ErrClosed
	}
	ready := make(chan error, 1)
	go s.run(ready)
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	case <-b.ctx.Done():
		err = broker.ErrClosed
	}
	if err != nil {
		s.end()
		return nil, b.explain(ctx, err)
	}
	return s, nil
}

// Close ends the subscription, as in [broker.Subscription]. It waits for nothing
// and returns no error.
func (s *subscription) Close(context.Context) error {
	s.end()
	return nil
}

// run calls the handler until the subscription ends.
func (s *subscription) run(ready chan<- error) {
	defer s.broker.ended(s)
	defer s.detach()
	err := s.broker.attempt(s.ctx, s.attach)
	ready <- err
	if err != nil {
		return
	}
	for {
		m, lost := s.next()
		switch {
		case s.ctx.Err() != nil:
			return
		case lost == nil:
			s.handler.Message(m)
		default:
			for wait := 10 * time.Millisecond; s.ctx.Err() == nil; wait = min(2*wait, time.Second) {
				if s.broker.attempt(s.ctx, s.attach) == nil {
					break
				}
				pause(s.ctx, wait)
			}
			if s.ctx.Err() != nil {
				return
			}
			s.handler.Gap(lost)
		}
	}
}

// next waits for a message, or for the end of those that came before a loss.
func (s *subscription) next() (m broker.Message, lost error) {
	for {
		s.mu.Lock()
		if len(s.queue) > 0 {
			m, s.queue[0] = s.queue[0], m
			s.queue = s.queue[1:]
			s.mu.Unlock()
			return m, nil
		}
		lost = s.lost
		s.mu.Unlock()
		if lost != nil {
			return m, lost
		}
		select {
		case <-s.wake:
		case <-s.ctx.Done():
			return m, nil
		}
	}
}

// attach sets everything up anew: a consumer of what is stored from now on, and
// then the position, with which the first message of the consumer has to be
// compared. When it returns, the subscription works (rules 24 and 28).
func (s *subscription) attach(ctx context.Context) error {
	s.detach()
	b := s.broker
	s.mu.Lock()
	s.lost = nil // what happens from here on counts again
	s.mu.Unlock()

	config := jetstream.ConsumerConfig{
		FilterSubject:     s.log,
		DeliverPolicy:     jetstream.DeliverNewPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 10 * time.Second, // if nobody deletes it
	}
	consumer, err := b.js.CreateConsumer(ctx, b.options.Stream, config)
	if errors.Is(err, jetstream.ErrStreamNotFound) { // the server came back empty
		if _, err = b.createStream(ctx); err == nil {
			consumer, err = b.js.CreateConsumer(ctx, b.options.Stream, config)
		}
	}
	if err != nil {
		return err
	}
	s.consumer = consumer
	stored, err := b.read(ctx, s.state)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.feed, s.last = consumer, stored.state.Record(false).At
	s.mu.Unlock()
	s.consuming, err = consumer.Consume(
		func(m jetstream.Msg) { s.enqueue(consumer, m.Data()) },
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { s.fail(consumer, err) }),
		jetstream.PullHeartbeat(answerWithin),
	)
	return err
}

// detach takes the consumer away, if there is one.
func (s *subscription) detach() {
	s.mu.Lock()
	s.feed = nil
	s.mu.Unlock()
	if s.consuming != nil {
		s.consuming.Stop()
	}
	if s.consumer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.broker.js.DeleteConsumer(ctx, s.broker.options.Stream, s.consumer.CachedInfo().Name) // or the server does, by itself
	}
	s.consumer, s.consuming = nil, nil
}

// enqueue takes what a consumer has got from the log.
func (s *subscription) enqueue(from jetstream.Consumer, data []byte) {
	m, err := parseMessage(data)
	if err != nil {
		s.fail(from, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case from != s.feed || s.lost != nil:
		return
	case m.At.Epoch == s.last.Epoch && m.At.Seq <= s.last.Seq:
		return // from before the subscription, or before the gap
	case m.At.Epoch == s.last.Epoch && m.At.Seq != s.last.Seq+1, m.At.Epoch != s.last.Epoch && m.At.Seq != 1:
		s.lost = errHole
	case len(s.queue) >= s.broker.options.Queue:
		s.lost = errOverflow
	default:
		s.queue, s.last = append(s.queue, m), m.At
	}
	s.notify()
}

// fail says that messages of a consumer may be missing from here on; nil is
// whichever there is, or is being made.
func (s *subscription) fail(from jetstream.Consumer, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil && (from == nil || from == s.feed) {
		s.lost = why
		s.notify()
	}
}

// notify wakes run. s.mu is held.
func (s *subscription) notify() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been told
	}
}
