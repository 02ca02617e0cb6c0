package conformance_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// Wrong ways with calls in an outage.
var hangingMutants = []mutant{{
	name: "an outage is no reason not to be subscribed",
	rule: "connections/subscribe-during-outage",
	harness: func() conformance.Harness {
		return twistRemote(func() twist { return twist{subscribe: subscribeInTime} }, nil, nil)
	},
}, {
	name: "a subscription that failed comes with the next stream",
	rule: "connections/subscribe-during-outage",
	harness: func() conformance.Harness {
		return twistRemote(func() twist { return twist{subscribe: subscribeAnyway} }, nil, nil)
	},
}, {
	name: "commits of an outage are taken, and sent later",
	rule: "connections/commit-during-outage",
	harness: func() conformance.Harness {
		return twistRemote(func() twist {
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				r, err := b.Commit(ctx, key, c)
				if errors.Is(err, errRefused) {
					time.AfterFunc(time.Second, func() { _, _ = b.Commit(context.Background(), key, c) })
					return broker.Receipt{Version: broker.Version(c.ID.Writer)}, nil
				}
				return r, err
			}}
		}, nil, nil)
	},
}, {
	name: "commits that failed are sent again later, under another name",
	rule: "connections/commit-during-outage",
	harness: func() conformance.Harness {
		return twistRemote(func() twist {
			var mu sync.Mutex // protects outbox
			var outbox []broker.Commit
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				r, err := b.Commit(ctx, key, c)
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, errRefused) {
					outbox = append(outbox, broker.Commit{ID: broker.CommitID{Writer: rand.Text(), N: 1}, Messages: c.Messages})
				} else if len(outbox) > 0 {
					_, _ = b.Commit(ctx, key, outbox[0])
					outbox = outbox[1:]
				}
				return r, err
			}}
		}, nil, nil)
	},
}, {
	name: "a commit without an answer is sent again under another name",
	rule: "connections/lost-reply",
	harness: func() conformance.Harness {
		return twistRemote(func() twist {
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				r, err := b.Commit(ctx, key, c)
				if errors.Is(err, errBroken) {
					c.ID = broker.CommitID{Writer: rand.Text(), N: 1}
					return b.Commit(ctx, key, c)
				}
				return r, err
			}}
		}, nil, nil)
	},
}, {
	name: "receipts are stored after the answer is out",
	rule: "connections/lost-reply",
	harness: func() conformance.Harness {
		s := remoteStore()
		h := s.harness()
		h.Open = func() (broker.Broker, error) {
			commit := func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				r, err := b.Commit(ctx, key, c)
				if errors.Is(err, errBroken) {
					s.dropReceipts()
				}
				return r, err
			}
			return &twisted{s.open(), twist{commit: commit}}, nil
		}
		return h
	},
}, {
	name: "calls end when the network says so",
	rule: "connections/cancel-while-hanging",
	harness: func() conformance.Harness {
		return twistRemote(stubborn(func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.WithoutCancel(ctx), answerTime)
		}), nil, nil)
	},
}, {
	name: "calls look at the deadline of a context only",
	rule: "connections/cancel-while-hanging",
	harness: func() conformance.Harness {
		return twistRemote(stubborn(func(ctx context.Context) (context.Context, context.CancelFunc) {
			if deadline, ok := ctx.Deadline(); ok {
				return context.WithDeadline(context.WithoutCancel(ctx), deadline)
			}
			return context.WithTimeout(context.WithoutCancel(ctx), answerTime)
		}), nil, nil)
	},
}, {
	name: "the stream is not probed",
	rule: "connections/dead-connection-noticed",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) { w.probe = 24 * time.Hour }, nil)
	},
}, {
	name: "a connection that hangs stays in use",
	rule: "connections/dead-connection-noticed",
	harness: func() conformance.Harness {
		return withHole(func(hangs func() bool) twist {
			return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				if !hangs() {
					return b.Load(ctx, key, members)
				}
				<-ctx.Done()
				return broker.Record{}, ctx.Err()
			}}
		})
	},
}, {
	name: "Close takes its leave of the store",
	rule: "connections/close-while-hanging",
	harness: func() conformance.Harness {
		return twistRemote(func() twist {
			return twist{close: func(b broker.Broker, ctx context.Context) error {
				_, _ = b.Load(context.Background(), broker.Key{}, false)
				return b.Close(ctx)
			}}
		}, nil, nil)
	},
}, {
	name: "Close leaves calls that hang alone",
	rule: "connections/close-while-hanging",
	harness: func() conformance.Harness {
		return withHole(func(hangs func() bool) twist {
			return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				if hangs() && errors.Is(err, broker.ErrClosed) {
					<-ctx.Done()
				}
				return r, err
			}}
		})
	},
}, {
	name: "each stream leaves a goroutine behind",
	rule: "connections/no-goroutine-left",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.broken = func(r *remote) {
				if !r.isClosed() {
					go func() { <-time.After(time.Hour) }()
				}
			}
		}, nil)
	},
}}

// stubborn makes loads and commits with a context that other makes of theirs.
func stubborn(other func(context.Context) (context.Context, context.CancelFunc)) func() twist {
	return func() twist {
		return twist{
			load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				inner, cancel := other(ctx)
				defer cancel()
				if ctx.Err() != nil {
					return broker.Record{}, ctx.Err()
				}
				r, err := b.Load(inner, key, members)
				return r, because(ctx, err)
			},
			commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				inner, cancel := other(ctx)
				defer cancel()
				if ctx.Err() != nil {
					return broker.Receipt{}, ctx.Err()
				}
				r, err := b.Commit(inner, key, c)
				return r, because(ctx, err)
			},
		}
	}
}

// because is err with ctx's error, if that has ended.
func because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// withHole is the good remote, twisted by what knows whether a handle is or was in
// a black hole.
func withHole(each func(hangs func() bool) twist) conformance.Harness {
	var mu sync.Mutex // protects hung
	hung := map[broker.Broker]bool{}
	s := remoteStore()
	h := s.harness()
	h.Open = func() (broker.Broker, error) {
		b := &twisted{Broker: s.open()}
		b.twist = each(func() bool {
			mu.Lock()
			defer mu.Unlock()
			return hung[b]
		})
		return b, nil
	}
	hole := h.Faults.BlackHole
	h.Faults.BlackHole = func(b broker.Broker) (func(), error) {
		mu.Lock()
		defer mu.Unlock()
		hung[b] = true
		return hole(b)
	}
	return h
}
