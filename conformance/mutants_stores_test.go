package conformance_test

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var storeMutants = []mutant{{
	name: "the last commit is not on disk yet",
	rule: "stores/restart-keeps-records",
	harness: func() conformance.Harness {
		s := remoteStore()
		h := s.harness()
		undo := func() {} // the server's lock protects it
		h.Open = func() (broker.Broker, error) {
			commit := func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				s.mu.Lock()
				before := s.rooms[key]
				undo = func() { s.rooms[key] = before }
				s.mu.Unlock()
				return b.Commit(ctx, key, c)
			}
			return &twisted{s.open(), twist{commit: commit}}, nil
		}
		h.Faults.Restart = func() error {
			s.restart(func() { undo() })
			return nil
		}
		return h
	},
}, {
	name: "receipts are kept in the server's memory",
	rule: "stores/restart-keeps-receipts",
	harness: func() conformance.Harness {
		return twistRemote(nil, nil, func(s *server, f *conformance.Faults) {
			restart := f.Restart
			f.Restart = func() error {
				s.dropReceipts()
				return restart()
			}
		})
	},
}, {
	name: "the server is to remember who is subscribed",
	rule: "stores/restart-keeps-subscriptions",
	harness: func() conformance.Harness {
		var restarted atomic.Bool
		return twistRemote(nil, func(w *ways) {
			right := w.resume
			w.resume = func(l *link, subs []*remoteSubscription) {
				if restarted.Load() {
					onlyNew(l, subs)
				} else {
					right(l, subs)
				}
			}
		}, func(_ *server, f *conformance.Faults) {
			restart := f.Restart
			f.Restart = func() error {
				restarted.Store(true)
				return restart()
			}
		})
	},
}, {
	name: "versions are counted by the server",
	rule: "stores/empty-is-new",
	harness: func() conformance.Harness {
		return renamed(func(n *renaming, f *conformance.Faults) {
			empty := f.Empty
			f.Empty = func() error {
				n.versions = names{}
				return empty()
			}
		})
	},
}, {
	name: "epochs are counted by the server",
	rule: "stores/empty-is-new",
	harness: func() conformance.Harness {
		return renamed(func(n *renaming, f *conformance.Faults) {
			empty := f.Empty
			f.Empty = func() error {
				n.epochs = names{}
				return empty()
			}
		})
	},
}, {
	name: "looks whether the number has grown, not at the epoch",
	rule: "stores/empty-is-told",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			newMarks().compare(w, func(at, last broker.Position) bool { return at.Seq > last.Seq }, 0)
		}, nil)
	},
}, {
	name: "versions are counted from the start of the store",
	rule: "stores/rollback-is-another-history",
	harness: func() conformance.Harness {
		return renamed(func(n *renaming, f *conformance.Faults) {
			n.remember(&n.versions, f)
		})
	},
}, {
	name: "epochs are counted from the start of the store",
	rule: "stores/rollback-is-another-history",
	harness: func() conformance.Harness {
		return renamed(func(n *renaming, f *conformance.Faults) {
			n.remember(&n.epochs, f)
		})
	},
}, {
	name: "handles remember receipts too",
	rule: "stores/rollback-loses-receipts",
	harness: func() conformance.Harness {
		var mu sync.Mutex // protects last
		type who struct {
			key    broker.Key
			writer string
		}
		type what struct {
			n       uint64
			receipt broker.Receipt
		}
		last := map[who]what{}
		return twistRemote(func() twist {
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				mu.Lock()
				known := last[who{key, c.ID.Writer}]
				mu.Unlock()
				if known.n == c.ID.N && c.Validate() == nil && checkCommit(key, c) == nil {
					_, err := b.Load(ctx, key, false)
					return known.receipt, err
				}
				r, err := b.Commit(ctx, key, c)
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					last[who{key, c.ID.Writer}] = what{c.ID.N, r}
				}
				return r, err
			}}
		}, nil, nil)
	},
}, {
	name: "what has a number that was heard is a duplicate",
	rule: "stores/rollback-is-told",
	harness: func() conformance.Harness {
		k := newMarks()
		return twistRemote(nil, func(w *ways) {
			w.hear = func(s *remoteSubscription, m broker.Message) {
				if before := k.heard(s, m); before.Epoch != m.At.Epoch || before.Seq < m.At.Seq {
					s.enqueue(m)
				} else {
					k.heard(s, broker.Message{At: before})
				}
			}
		}, nil)
	},
}}
