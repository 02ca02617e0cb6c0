package memory

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
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

// Broker is a [broker.Broker] in process. Make one with [New].
type Broker struct {
	options   Options
	seed      maphash.Seed
	shards    [64]shard
	retention retention

	// runners counts the goroutines of subscriptions. It grows only under the lock
	// of a subscription that is open, so not any more once Close waits for it.
	runners sync.WaitGroup
}

var _ broker.Broker = (*Broker)(nil)

// New returns an empty broker. A nil o is all defaults.
func New(o *Options) *Broker {
	b := &Broker{seed: maphash.MakeSeed()}
	if o != nil {
		b.options = *o
	}
	setDefault(&b.options.Queue, 1024)
	setDefault(&b.options.Retention, 10*time.Minute)
	setDefault(&b.options.MaxValue, 8<<20)
	setDefault(&b.options.MaxKey, 64<<10)
	b.retention.start = time.Now()
	b.retention.keep = b.options.Retention
	for i := range b.shards {
		b.shards[i].rooms = map[broker.Key]*room{}
	}
	return b
}

func setDefault[T int | time.Duration](option *T, v T) {
	if *option <= 0 {
		*option = v
	}
}

// Load reads a record, as in [broker.Broker].
func (b *Broker) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	if err := ctx.Err(); err != nil {
		return broker.Record{}, fmt.Errorf("memory: load %s: %w", key, err)
	}
	if err := b.checkKey(key); err != nil {
		return broker.Record{}, fmt.Errorf("memory: load %s: %w", brief(key), err)
	}
	state, err := b.shard(key).state(key)
	if err != nil {
		return broker.Record{}, fmt.Errorf("memory: load %s: %w", key, err)
	}
	return state.Record(members), nil
}

// Commit applies c, as in [broker.Broker]. What it answers is always certain: an
// error means that c was not applied.
func (b *Broker) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return broker.Receipt{}, fmt.Errorf("memory: commit to %s: %w", key, err)
	}
	if err := b.checkSizes(key, c); err != nil {
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
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memory: subscribe to %s: %w", key, err)
	}
	if err := b.checkKey(key); err != nil {
		return nil, fmt.Errorf("memory: subscribe to %s: %w", brief(key), err)
	}
	if h.Message == nil || h.Gap == nil {
		return nil, errors.New("memory: subscribe: a handler needs both functions, Message and Gap")
	}
	s := &subscription{broker: b, key: key, handler: h}
	if err := b.shard(key).subscribe(key, s); err != nil {
		return nil, fmt.Errorf("memory: subscribe to %s: %w", key, err)
	}
	return s, nil
}

// Close ends all subscriptions and drops all records, as in [broker.Broker]. It
// waits for handlers that are running until ctx ends, and then returns ctx's
// error. So a handler that calls it waits for itself, until ctx ends.
func (b *Broker) Close(ctx context.Context) error {
	for i := range b.shards {
		b.shards[i].close()
	}
	b.retention.clear()
	idle := make(chan struct{})
	go func() { // ends with the last handler
		b.runners.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("memory: close: a handler is still running: %w", ctx.Err())
	}
}

func (b *Broker) shard(key broker.Key) *shard {
	return &b.shards[maphash.Comparable(b.seed, key)%uint64(len(b.shards))]
}
