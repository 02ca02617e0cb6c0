package conformance_test

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// Wrong ways with a stream that breaks. Those with calls are in mutants_hanging_test.go.
var connectionMutants = slices.Concat([]mutant{{
	name: "a new stream has no subscriptions",
	rule: "connections/comes-back",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) { w.resume = onlyNew }, nil)
	},
}, {
	name: "a new stream has each subscription once more",
	rule: "connections/comes-back",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resume = func(l *link, subs []*remoteSubscription) {
				for _, s := range subs {
					l.subscribe(s)
					if s.isLive {
						l.subscribe(s)
					}
				}
			}
		}, nil)
	},
}, {
	name: "a new stream, and no gap",
	rule: "connections/gap-before-later-messages",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) { w.resumed = func(*remoteSubscription) {} }, nil)
	},
}, {
	name: "the gap is told after the first later message",
	rule: "connections/gap-before-later-messages",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resumed = func(*remoteSubscription) {}
			w.hear = newMarks().onHole(func(s *remoteSubscription, m broker.Message) {
				s.enqueue(m)
				s.lose(errMissed)
			})
		}, nil)
	},
}, {
	name: "only the next message shows that some are missing",
	rule: "connections/gap-when-nothing-follows",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resumed = func(*remoteSubscription) {}
			w.hear = newMarks().onHole(func(s *remoteSubscription, _ broker.Message) { s.lose(errMissed) })
		}, nil)
	},
}, {
	name: "the gap is told when the stream breaks, not when it is back",
	rule: "connections/gap-means-working",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resumed = func(*remoteSubscription) {}
			w.broken = func(r *remote) {
				r.mu.Lock()
				defer r.mu.Unlock()
				for _, s := range r.subs {
					s.lose(errBroken)
				}
			}
		}, nil)
	},
}, {
	name: "looks for what is missing, and then subscribes again",
	rule: "connections/nothing-lost-in-a-stream",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			newMarks().compare(w, func(at, last broker.Position) bool { return at != last }, 20*time.Millisecond)
		}, nil)
	},
}, {
	name: "a new stream has the first subscription",
	rule: "connections/all-rooms-come-back",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resume = func(l *link, subs []*remoteSubscription) {
				onlyNew(l, subs)
				if len(subs) > 0 && subs[0].isLive {
					l.subscribe(subs[0])
				}
			}
		}, nil)
	},
}, {
	name: "a new stream has one subscription of each room",
	rule: "connections/all-rooms-come-back",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.resume = func(l *link, subs []*remoteSubscription) {
				seen := map[broker.Key]bool{}
				for _, s := range subs {
					if !seen[s.key] || !s.isLive {
						l.subscribe(s)
					}
					seen[s.key] = true
				}
			}
		}, nil)
	},
}, {
	name: "gives up after a second",
	rule: "connections/long-outage",
	harness: func() conformance.Harness {
		return twistRemote(nil, nil, func(_ *server, f *conformance.Faults) {
			hold := f.HoldReconnect
			f.HoldReconnect = func(b broker.Broker) (func(), error) {
				start := time.Now()
				release, err := hold(b)
				return func() {
					if time.Since(start) < time.Second {
						release()
					}
				}, err
			}
		})
	},
}}, gapMutants, hangingMutants)

var errMissed = errors.New("messages were missed")

// onlyNew subscribes what never was.
func onlyNew(l *link, subs []*remoteSubscription) {
	for _, s := range subs {
		if !s.isLive {
			l.subscribe(s)
		}
	}
}

// marks are what a handle remembers that looks for holes by itself.
type marks struct {
	mu     sync.Mutex // protects what follows
	last   map[*remoteSubscription]broker.Position
	missed map[*remoteSubscription]bool
}

func newMarks() *marks {
	return &marks{last: map[*remoteSubscription]broker.Position{}, missed: map[*remoteSubscription]bool{}}
}

// heard remembers m, and returns the position before.
func (k *marks) heard(s *remoteSubscription, m broker.Message) (before broker.Position) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before = k.last[s]
	k.last[s] = m.At
	return before
}

// onHole hears messages, and does hole instead if there is a hole before one.
func (k *marks) onHole(hole func(*remoteSubscription, broker.Message)) func(*remoteSubscription, broker.Message) {
	return func(s *remoteSubscription, m broker.Message) {
		before := k.heard(s, m)
		if before.Epoch != m.At.Epoch || before.Seq+1 == m.At.Seq {
			s.enqueue(m)
		} else {
			hole(s, m)
		}
	}
}

// compare lets a new stream compare positions, subscribe after a time, and tell a
// gap if the positions said so.
func (k *marks) compare(w *ways, missed func(at, last broker.Position) bool, after time.Duration) {
	w.hear = func(s *remoteSubscription, m broker.Message) {
		k.heard(s, m)
		s.enqueue(m)
	}
	w.resume = func(l *link, subs []*remoteSubscription) {
		onlyNew(l, subs)
		for _, s := range subs {
			if !s.isLive {
				continue
			}
			l.do(func() {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.missed[s] = missed(l.net.server.state(s.key).Record(false).At, k.last[s])
			})
			time.AfterFunc(after, func() {
				s.r.mu.Lock()
				defer s.r.mu.Unlock()
				if !s.ended {
					l.subscribe(s)
				}
			})
		}
	}
	w.resumed = func(s *remoteSubscription) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.missed[s] {
			s.lose(errMissed)
		}
	}
}
