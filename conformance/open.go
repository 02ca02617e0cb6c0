package conformance

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spinneyio/est/broker"
)

// opened is what became of a call of Open, once done is closed.
type opened struct {
	done   chan struct{}
	broker broker.Broker
	err    error
}

// pooled returns the n-th of the handles that cases use together, counted from 0.
func (s *suite) pooled(n int) (broker.Broker, error) {
	var fresh []*opened
	s.mu.Lock()
	for len(s.pool) <= n {
		o := &opened{done: make(chan struct{})}
		s.pool, fresh = append(s.pool, o), append(fresh, o)
	}
	o := s.pool[n]
	s.mu.Unlock()
	for _, o := range fresh {
		o.broker, o.err = s.open()
		close(o.done)
	}
	<-o.done
	return o.broker, o.err
}

// open returns another handle. Once that has failed it is not tried again: cases
// are skipped then, and the failure is the harness's.
func (s *suite) open() (broker.Broker, error) {
	if err := s.failed(); err != nil {
		return nil, err
	}
	o := s.call()
	patience := time.NewTimer(s.harness.Patience)
	defer patience.Stop()
	var err error
	select {
	case <-o.done:
		if err = o.err; err == nil {
			return o.broker, nil
		}
	case <-patience.C:
		err = fmt.Errorf("it has not returned in %v", s.harness.Patience)
		go o.discard(s.harness.Patience)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = fmt.Errorf("conformance: Harness.Open: %w", err)
	}
	return nil, s.broken
}

// call calls Open.
func (s *suite) call() *opened {
	o := &opened{done: make(chan struct{}), err: errors.New("its goroutine was ended, as by t.FailNow: return an error instead")}
	go func() {
		defer close(o.done)
		defer func() {
			if p := recover(); p != nil {
				o.broker, o.err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		o.broker, o.err = s.harness.Open()
		if o.broker == nil && o.err == nil {
			o.err = errors.New("it returned neither a handle nor an error")
		}
	}()
	return o
}

// discard closes what Open returns too late. It ends when Open does.
func (o *opened) discard(patience time.Duration) {
	<-o.done
	if o.err == nil {
		closeAll([]closer{o.broker}, patience, recovered)
	}
}

// failed says why Open has failed, if it has.
func (s *suite) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// close closes the handles of the pool.
func (s *suite) close() {
	if s.shared {
		return
	}
	s.mu.Lock()
	pool := s.pool
	s.mu.Unlock()
	var closers []closer
	for _, o := range pool {
		<-o.done // an abandoned case may have asked for it
		if o.err == nil {
			closers = append(closers, o.broker)
		}
	}
	closeAll(closers, s.harness.Patience, recovered)
}
