package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// suite is one run of all rules on one store.
type suite struct {
	harness Harness
	shared  bool // Open returns the same handle each time
	short   bool
	results []result // one for each rule; each is written by one goroutine

	closing atomic.Bool // a handle was closed

	mu     sync.Mutex // protects what follows
	pool   []*opened  // handles that cases use together
	broken error      // why Open failed, the first time; it is not called again
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
	if err := h.Limits.check(); err != nil {
		return nil, err
	}
	s := &suite{harness: h, short: testing.Testing() && testing.Short(), results: make([]result, len(rules))}
	a, err := s.pooled(0)
	if err != nil {
		return nil, err
	}
	b, err := s.pooled(1)
	if err != nil {
		s.close()
		return nil, err
	}
	s.shared = reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
	return s, nil
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
	var c *trial
	for n := range attempts {
		c = newTrial(s, r, n)
		c.run()
		got, late := c.verdict()
		if !late {
			s.results[i] = got
			return
		}
	}
	c.fail(
		fmt.Sprintf("receipts are asked for while they are kept: the case is through within Limits.Retention, %v", s.harness.Limits.Retention),
		fmt.Sprintf("it took longer, %d times: the harness's retention is too short for this store: state more than 100 calls' time", attempts),
	)
	s.results[i], _ = c.verdict()
}

// missing says what r needs and h has not, and how to give it.
func (s *suite) missing(r *rule) string {
	for _, n := range r.needs {
		if why := n(&s.harness); why != "" {
			return why
		}
	}
	if r.closes && s.shared {
		return "Harness.Open returns the same handle each time, and the case would close it, or cut it off, for all others: return another handle on the store each time"
	}
	return ""
}

func (s *suite) report() Report {
	var r Report
	if err := s.failed(); err != nil {
		r.Failed = append(r.Failed, harnessFailure(err, s.harness.Seed))
	}
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
