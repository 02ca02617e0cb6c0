package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/spinneyio/est/broker"
)

// Options adjusts a [Broker]. A field's zero value is its default.
type Options struct {
	// Stream is the name of the stream, and what its subjects begin with: up to 64
	// letters and digits. Handles with the same one share their records.
	// Default: "est".
	Stream string

	// Storage is where the server keeps the stream. The first handle decides; others
	// must want the same. Default: in files.
	Storage jetstream.StorageType

	// Replicas is how many servers of a cluster keep the stream, as with Storage.
	// Default: 1.
	Replicas int

	// Retention is for how long at least receipts are kept; it is rounded up to
	// seconds. All handles should say the same. Default: 10 minutes.
	Retention time.Duration

	// Queue is how many messages wait for a subscription's handler at most, not
	// counting the one that is being handled. Default: 1024.
	Queue int

	// Connect is how to connect besides: credentials, TLS, names. Default: none.
	Connect []nats.Option
}

const (
	keepLog      = time.Minute // messages for those who are about to fetch them
	maxLog       = 4096        // messages of a room
	answerWithin = 5 * time.Second
)

// Broker is one instance's handle on the store. Make one with [New].
type Broker struct {
	options Options
	conn    *nats.Conn
	js      jetstream.JetStream
	stream  jetstream.Stream
	ctx     context.Context // ends with the broker
	end     context.CancelFunc

	mu            sync.Mutex // protects the rest
	closed        bool
	link          context.Context // as in connection
	cut           context.CancelFunc
	subscriptions map[*subscription]bool

	// running counts calls and subscriptions. It grows only under mu, and not any
	// more once the broker is closed.
	running sync.WaitGroup
}

var _ broker.Broker = (*Broker)(nil)

// New connects to the servers at url, as nats.Connect does, and makes the stream if
// there is none. A nil o is all defaults.
func New(url string, o *Options) (*Broker, error) {
	b := &Broker{subscriptions: map[*subscription]bool{}}
	if o != nil {
		b.options = *o
	}
	setDefault(&b.options.Stream, "est")
	setDefault(&b.options.Replicas, 1)
	setDefault(&b.options.Retention, 10*time.Minute)
	setDefault(&b.options.Queue, 1024)
	b.ctx, b.end = context.WithCancel(context.Background())
	b.link, b.cut = context.WithCancel(b.ctx)

	connect := []nats.Option{
		nats.PingInterval(5 * time.Second), // a dead connection is noticed after three of them
		nats.ReconnectWait(100 * time.Millisecond),
		nats.FlusherTimeout(answerWithin),
	}
	connect = append(connect, b.options.Connect...)
	connect = append(connect, nats.MaxReconnects(-1), nats.DisconnectErrHandler(b.disconnected))
	var err error
	if b.conn, err = nats.Connect(url, connect...); err != nil {
		return nil, fmt.Errorf("natsbroker: connect: %w", err)
	}
	if b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(answerWithin)); err == nil {
		b.stream, err = b.createStream(b.ctx)
	}
	if err != nil {
		b.conn.Close()
		return nil, fmt.Errorf("natsbroker: stream %q: %w", b.options.Stream, err)
	}
	return b, nil
}

func setDefault[T comparable](option *T, v T) {
	var zero T
	if *option == zero {
		*option = v
	}
}

// createStream makes the stream, or finds that it is there.
func (b *Broker) createStream(ctx context.Context) (jetstream.Stream, error) {
	s, err := b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:               b.options.Stream,
		Subjects:           []string{b.options.Stream + ".state.*", b.options.Stream + ".log.*"},
		Storage:            b.options.Storage,
		Replicas:           b.options.Replicas,
		MaxMsgsPerSubject:  maxLog,
		AllowRollup:        true,
		AllowMsgTTL:        true,
		AllowAtomicPublish: true,
		AllowDirect:        false, // a replica would answer, which may be behind (rule 7)
	})
	if err == nil && !s.CachedInfo().Config.AllowAtomicPublish {
		err = errors.New("the server has no atomic batches: it is older than 2.12")
	}
	return s, err
}

// Health is nil if the broker is connected.
func (b *Broker) Health() error {
	if status := b.conn.Status(); status != nats.CONNECTED {
		return fmt.Errorf("natsbroker: the connection is %s", status)
	}
	return nil
}

// Load reads a record, as in [broker.Broker].
func (b *Broker) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	record, err := call(ctx, b, func(ctx context.Context) (broker.Record, error) {
		state, _, err := b.subjects(key)
		if err != nil {
			return broker.Record{}, err
		}
		stored, err := b.read(ctx, state)
		return stored.state.Record(members), err
	})
	if err != nil {
		return broker.Record{}, fmt.Errorf("natsbroker: load %.100q: %w", key, err)
	}
	return record, nil
}

// Commit applies c, as in [broker.Broker].
func (b *Broker) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	receipt, err := call(ctx, b, func(ctx context.Context) (broker.Receipt, error) {
		return b.commit(ctx, key, c)
	})
	if err != nil {
		return broker.Receipt{}, fmt.Errorf("natsbroker: commit to %.100q: %w", key, err)
	}
	return receipt, nil
}

// Close ends the broker, as in [broker.Broker], and its connection.
func (b *Broker) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end()
	idle := make(chan struct{})
	go func() { // ends with the last handler
		b.running.Wait()
		b.conn.Close()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		go b.conn.Close() // which may wait for a write that hangs, for as long as that may
		return fmt.Errorf("natsbroker: close: a handler is still running: %w", ctx.Err())
	}
}
