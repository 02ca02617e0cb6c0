package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// ErrOverflow is the reason of a gap: the handler was so slow that its queue was
// full, and messages were dropped.
var ErrOverflow = errors.New("redis: the queue of the subscription overflowed")

// Broker is a [broker.Broker] on Redis. Make one with [New]. Its methods may be
// called concurrently.
type Broker struct {
	options   Options
	retention string // in ms
	calls     *pipeline
	messages  *subscriber
	inboxes   *inbox.Group
}

var _ broker.Broker = (*Broker)(nil)

// New returns a broker on the server, the Sentinel group or the cluster that
// client is connected to. The client stays the caller's, who closes it after the
// broker; any options of it will do, since commands may be sent twice. o needs a
// Prefix.
//
// New makes a commit to try the server, and returns an error that says what is
// missing: the server itself, a permission, a version (6.2 or later), or memory
// that isn't taken back (see the package comment). It takes ten seconds at most.
func New(client goredis.UniversalClient, o *Options) (*Broker, error) {
	options, err := o.checked()
	if err != nil {
		return nil, err
	}
	if err := checkClient(client); err != nil {
		return nil, err
	}
	b := &Broker{
		options:   options,
		retention: fmt.Sprint(options.Retention.Milliseconds()),
		calls:     newPipeline(client),
		inboxes:   inbox.NewGroup(options.Queue, ErrOverflow),
	}
	if err := b.try(client); err != nil {
		b.calls.close()
		return nil, err
	}
	b.messages = newSubscriber(b, client)
	return b, nil
}

// Load reads a record, as in [broker.Broker].
func (b *Broker) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	if err := b.options.checkKey(key); err != nil {
		return broker.Record{}, fmt.Errorf("redis: load %s: %w", brief(key), err)
	}
	r, err := b.load(ctx, key, members)
	if err != nil {
		return broker.Record{}, fmt.Errorf("redis: load %s: %w", brief(key), err)
	}
	return r, nil
}

// Commit applies c, as in [broker.Broker].
func (b *Broker) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if err := c.Validate(); err != nil {
		return broker.Receipt{}, fmt.Errorf("redis: commit to %s: %w", brief(key), err)
	}
	if err := b.options.checkSizes(key, c); err != nil {
		return broker.Receipt{}, fmt.Errorf("redis: commit to %s: %w", brief(key), err)
	}
	r, err := b.commit(ctx, key, c, b.retention)
	if _, conflict := err.(*broker.Conflict); err != nil && !conflict { // which is an answer, and asked for often
		return broker.Receipt{}, fmt.Errorf("redis: commit to %s: %w", brief(key), err)
	}
	return r, err
}

// Subscribe subscribes to messages, as in [broker.Broker]. It returns when the
// server has acknowledged that.
func (b *Broker) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	if h.Message == nil || h.Gap == nil {
		return nil, errors.New("redis: subscribe: a handler needs both functions, Message and Gap")
	}
	if err := b.options.checkKey(key); err != nil {
		return nil, fmt.Errorf("redis: subscribe to %s: %w", brief(key), err)
	}
	s, err := b.messages.subscribe(ctx, key, h)
	if err != nil {
		return nil, fmt.Errorf("redis: subscribe to %s: %w", brief(key), err)
	}
	return s, nil
}

// Health returns an error if messages may be late: because the broker is closed,
// its connection for messages is away or did not answer a probe in time, or the
// server has not acknowledged all subscriptions.
func (b *Broker) Health() error {
	if err := b.messages.health(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// Close ends all subscriptions, as in [broker.Broker]. The client stays open.
func (b *Broker) Close(ctx context.Context) error {
	b.calls.close()
	b.messages.close()
	b.hangUp(ctx)
	if err := b.inboxes.Wait(ctx); err != nil {
		return fmt.Errorf("redis: close: a handler is still running: %w", err)
	}
	return nil
}

// hangUp waits for what talks to the server, but not for a network that hangs: what
// is left then ends with the client's timeouts.
func (b *Broker) hangUp(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		b.messages.tasks.Wait()
		b.calls.idle.Wait()
		close(ended)
	}()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// brief is key for an error, which may be about its length.
func brief(key broker.Key) broker.Key {
	const most = 64
	key.Namespace = key.Namespace[:min(len(key.Namespace), most)]
	key.Room = key.Room[:min(len(key.Room), most)]
	return key
}
