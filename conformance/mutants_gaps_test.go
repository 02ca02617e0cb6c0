package conformance_test

import (
	"time"

	"github.com/spinneyio/est/conformance"
)

var gapMutants = []mutant{{
	name: "a gap overtakes what waits for the handler",
	rule: "connections/gap-in-its-place",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resumed = func(s *remoteSubscription) {
				if len(s.queue) == 0 {
					s.lose(errBroken)
					return
				}
				waits, told := s.queue, s.handler
				s.queue = nil
				s.handler.Gap = func(reason error) {
					told.Gap(reason)
					s.r.mu.Lock()
					defer s.r.mu.Unlock()
					s.handler = told
					if !s.ended {
						s.queue = append(waits, s.queue...)
					}
				}
				s.lose(errBroken)
			}
		}, nil)
	},
}, {
	name: "who is busy is not told of a new stream",
	rule: "connections/gap-in-its-place",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resumed = func(s *remoteSubscription) {
				if !s.running {
					s.lose(errBroken)
				}
			}
		}, nil)
	},
}, {
	name: "each attempt to connect is told",
	rule: "connections/one-gap",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.broken = func(r *remote) { tellAttempts(r, 10*time.Millisecond) }
		}, nil)
	},
}}

// tellAttempts tells all subscriptions of gaps, at times that double, until there is a
// stream again.
func tellAttempts(r *remote, after time.Duration) {
	time.AfterFunc(after, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.closed || r.stream != nil {
			return
		}
		for _, s := range r.subs {
			if s.isLive {
				s.lose(errBroken)
			}
		}
		tellAttempts(r, 2*after)
	})
}
