package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
)

// suite is one run of all rules on one store.
type suite struct {
	harness Harness
	shared  bool // Open returns the same handle each time
	short   bool
	results []result // one for each rule; each is written by one goroutine

	mu   sync.Mutex      // protects pool
	pool []broker.Broker // handles that cases use together
}

// result is what became of a rule. The zero result: it didn't run; so under
// go test -run.
type result struct {
	passed  bool
	failure *Failure
	skipped string
}

func newSuite(h Harness) (*suite, error) {
	if h.Open == nil {
		return nil, errors.New("conformance: Harness.Open is required: it returns a handle on the store")
	}
	if h.Patience <= 0 {
		h.Patience = 10 * time.Second
	}
	if h.Seed == 0 {
		h.Seed = *seed
	}
	if h.Seed == 0 {
		h.Seed = rand.Uint64()
	}
	s := &suite{harness: h, short: testing.Testing() && testing.Short(), results: make([]result, len(rules))}
	a, err := s.pooled(0)
	if err != nil {
		return nil, err
	}
	b, err := s.pooled(1)
	if err != nil {
		return nil, err
	}
	s.shared = reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
	return s, nil
}

// pooled returns the n-th of the handles that cases use together, counted from 0.
func (s *suite) pooled(n int) (broker.Broker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pool) <= n {
		b, err := s.open()
		if err != nil {
			return nil, err
		}
		s.pool = append(s.pool, b)
	}
	return s.pool[n], nil
}

// open returns another handle.
func (s *suite) open() (broker.Broker, error) {
	b, err := s.harness.Open()
	if err != nil {
		return nil, fmt.Errorf("conformance: Harness.Open: %w", err)
	}
	if b == nil {
		return nil, errors.New("conformance: Harness.Open returned neither a handle nor an error")
	}
	return b, nil
}

// close closes the handles of the pool.
func (s *suite) close() {
	if !s.shared {
		closeAll(s.pool, s.harness.Patience)
	}
}

// atOnce is how many cases run at the same time.
const atOnce = 8

// all tries all rules, group by group.
func (s *suite) all() {
	for _, g := range groups() {
		var wg sync.WaitGroup
		slots := make(chan struct{}, atOnce)
		for _, i := range g.rules {
			if rules[i].alone {
				wg.Wait()
				s.try(i)
				continue
			}
			slots <- struct{}{}
			wg.Go(func() {
				s.try(i)
				<-slots
			})
		}
		wg.Wait()
	}
}

// try finds out about rule i.
func (s *suite) try(i int) {
	r := &rules[i]
	if why := s.missing(r); why != "" {
		s.results[i].skipped = why
		return
	}
	const attempts = 5 // for cases that came too late on a busy machine
	for n := range attempts {
		c := newTrial(s, r, n)
		if c.run(); !c.late {
			s.results[i] = result{passed: c.failure == nil, failure: c.failure}
			return
		}
	}
	s.results[i].skipped = fmt.Sprintf("Limits.Retention, %v, had passed before the case was through, %d times: state more", s.harness.Limits.Retention, attempts)
}

// missing says what r needs and h has not, and how to give it.
func (s *suite) missing(r *rule) string {
	if r.closes && s.shared {
		return "Harness.Open returns the same handle each time, and the case would close it, or cut it off, for all others: return another handle on the store each time"
	}
	for _, n := range r.needs {
		if why := n(&s.harness); why != "" {
			return why
		}
	}
	return ""
}

func (s *suite) report() Report {
	var r Report
	for i, got := range s.results {
		switch {
		case got.failure != nil:
			r.Failed = append(r.Failed, *got.failure)
		case got.skipped != "":
			r.Skipped = append(r.Skipped, Skip{rules[i].name, rules[i].explanation(), got.skipped})
		case got.passed:
			r.Passed = append(r.Passed, rules[i].name)
		}
	}
	return r
}
