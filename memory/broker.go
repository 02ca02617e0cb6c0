package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// Options adjusts a [Broker]. A field's zero value is its default.
type Options struct {
	// Queue is how many messages wait for a subscription's handler at most, not
	// counting the one that is being handled. Default: 1024.
	Queue int

	// Retention is for how long at least receipts are kept. With less than
	// the default, broker.Update and broker.Publish may outlast it; but here they
	// never need to send a commit again. Default: 10 minutes.
	Retention time.Duration

	// MaxValue is the most bytes that a value, a message or the data of a member
	// may have. Default: 8 MiB.
	MaxValue int

	// MaxKey is the most bytes that a key (namespace and room together), the ID
	// of a member, or a writer may have. Default: 64 KiB.
	MaxKey int

	// Conflicts, for tests, says whether to answer this commit, which expects a
	// version, with a conflict, as if another writer had won: so update functions
	// get retried that otherwise never would. It is called once for each such
	// commit, without a lock, by several goroutines at once. A commit that was
	// applied before gets its receipt all the same. Default: nil, never.
	Conflicts func(key broker.Key, c broker.Commit) bool
}

// Broker is a [broker.Broker] in process: a handle on a store. [New] makes a
// store and its first handle, [Broker.Open] another one.
type Broker struct {
	*store

	// closed is set before Close goes through the shards. What was read of it
	// without the lock of a shard may be out of date: enter decides.
	closed atomic.Bool
	ending sync.Once // the part of Close that is done once

	inboxes *inbox.Group
}

var _ broker.Broker = (*Broker)(nil)

// New returns a handle on a new and empty store. A nil o is all defaults.
func New(o *Options) *Broker { return newStore(o).open() }

// Open returns another handle on b's store, as another instance would have it:
// with subscriptions of its own, and closed on its own. The options are those of
// the store. A closed handle opens others too: the records stay as long as the
// program refers to any handle on their store, open or closed.
func (b *Broker) Open() *Broker { return b.store.open() }

// Load reads a record, as in [broker.Broker].
func (b *Broker) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	if err := b.ready(ctx); err != nil {
		return broker.Record{}, fmt.Errorf("memory: load %s: %w", brief(key), err)
	}
	if err := b.options.checkKey(key); err != nil {
		return broker.Record{}, fmt.Errorf("memory: load %s: %w", brief(key), err)
	}
	s, err := b.enter(key)
	if err != nil {
		return broker.Record{}, fmt.Errorf("memory: load %s: %w", key, err)
	}
	var state broker.State // a snapshot, so that members are listed without the lock
	if r := s.rooms[key]; r != nil {
		state = r.state
	}
	s.mu.Unlock()
	return state.Record(members), nil
}

// Commit applies c, as in [broker.Broker]. What it answers is always certain: an
// error means that c was not applied.
func (b *Broker) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if err := b.ready(ctx); err != nil {
		return broker.Receipt{}, fmt.Errorf("memory: commit to %s: %w", brief(key), err)
	}
	if err := b.options.checkSizes(key, c); err != nil {
		return broker.Receipt{}, fmt.Errorf("memory: commit to %s: %w", brief(key), err)
	}
	if c.Expect != nil && b.options.Conflicts != nil && b.options.Conflicts(key, c) {
		// No record has this version, so Apply answers as if it had moved.
		moved := broker.Version("\x00")
		c.Expect = &moved
	}
	receipt, err := b.commit(key, c)
	b.sweep()
	if err != nil {
		return broker.Receipt{}, fmt.Errorf("memory: commit to %s: %w", key, err)
	}
	return receipt, nil
}

// Subscribe subscribes to messages, as in [broker.Broker].
func (b *Broker) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	if err := b.ready(ctx); err != nil {
		return nil, fmt.Errorf("memory: subscribe to %s: %w", brief(key), err)
	}
	if err := b.options.checkKey(key); err != nil {
		return nil, fmt.Errorf("memory: subscribe to %s: %w", brief(key), err)
	}
	if h.Message == nil || h.Gap == nil {
		return nil, errors.New("memory: subscribe: a handler needs both functions, Message and Gap")
	}
	s := &subscription{broker: b, key: key, inbox: b.inboxes.Open(h)}
	if err := b.subscribe(key, s); err != nil {
		return nil, fmt.Errorf("memory: subscribe to %s: %w", key, err)
	}
	return s, nil
}

// Close ends the subscriptions of this handle and makes its calls fail with
// [broker.ErrClosed], as in [broker.Broker]; other handles and the records stay
// as they are. It waits for handlers of its own that are running until ctx ends,
// and then returns ctx's error; if none is running it returns nil, also when ctx
// has ended. So a handler that calls it waits for itself, until ctx ends.
func (b *Broker) Close(ctx context.Context) error {
	b.ending.Do(func() {
		b.closed.Store(true)
		for i := range b.shards {
			b.shards[i].leave(b)
		}
		b.inboxes.End()
	})
	if err := b.inboxes.Wait(ctx); err != nil {
		return fmt.Errorf("memory: close: a handler is still running: %w", err)
	}
	return nil
}

// ready says why a call is not even begun.
func (b *Broker) ready(ctx context.Context) error {
	if b.closed.Load() {
		return broker.ErrClosed
	}
	return ctx.Err()
}
