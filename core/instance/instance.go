package instance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// Instance is one running backend process, as far as one integration goes: it
// holds connections, runs their rooms against the broker, and performs side
// effects. All methods may be called concurrently. It must be ended with
// [Instance.Shutdown].
type Instance[C, R any] struct {
	in     core.Integration[C, R]
	b      broker.Broker
	o      Options
	writer string // names this start of the instance in commits and as the holder of members

	lobbies []*room[C, R] // connections without a room, spread over them
	writers writerPool    // for what is published and updated from outside

	life context.Context // ends when the instance has nothing more to do
	end  context.CancelFunc

	mu       sync.Mutex // protects what follows, and that no room is entered while it is dropped
	rooms    map[string]*room[C, R]
	conns    map[*conn[C, R]]struct{}
	accepted int           // so far
	numbers  uint64        // commits of dropped rooms were numbered up to here
	drained  chan struct{} // made when a shutdown begins, closed when it is complete

	draining atomic.Bool  // a shutdown has begun
	busy     atomic.Int64 // goroutines of rooms and of side effects
}

var _ transport.Acceptor = (*Instance[struct{}, struct{}])(nil)

// Options are an instance's hooks and limits. nil and zero fields are the
// defaults; a negative limit is no limit where that is said.
type Options struct {
	// Logger gets what operators should know. Default: slog.Default().
	Logger *slog.Logger

	// Perform performs a side effect that an outcome asked for, after its commit,
	// once, and in order for each connection. It may block; ctx ends with the
	// instance. Its result, as JSON, or its error come back to the integration as
	// Performed, if that is set and the connection is still there. A panic counts as
	// an error. Default: side effects are reported as errors.
	Perform func(ctx context.Context, conn core.ConnID, effect any) (result any, err error)

	// OnError is called for each error that nobody else gets: bugs in the
	// integration, failed side effects, an unreachable broker. what says what was
	// being done. It must not block. Default: they are logged only.
	OnError func(err error, what string)

	// HelloTimeout is how long a connection may take to say hello. Default: 10 s.
	HelloTimeout time.Duration

	// Inbound is how many messages of one connection, and side effects that it
	// asked for, may wait before the instance stops reading from it. Default: 32.
	Inbound int

	// OutboundMessages and OutboundBytes are how much may wait for a client that
	// reads slowly, before it is closed with core.ClosePolicy. Default: 1024 messages, 1 MiB.
	OutboundMessages int
	OutboundBytes    int

	// Rate is how many messages a second a connection may send, averaged over ten
	// seconds, before it is closed with core.ClosePolicy. Default: 20,000. Negative: no limit.
	Rate int

	// Patience is how long transitions, and idle members when messages may be
	// missing, wait for a broker that can't be reached, before their connections are
	// closed with core.CloseTryLater. Default: 10 s.
	Patience time.Duration

	// Batch is how many transitions of a room share a commit at most. Default: 64.
	Batch int

	// Hold is how many messages of a room may wait on this instance. More are a gap,
	// which Resync or a reconnect mends. Default: 1024.
	Hold int

	// DrainBatch is how many connections are told to go in each tenth of a second of
	// a Shutdown. Default: 1000.
	DrainBatch int
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	def := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	def(&d.Inbound, 32)
	def(&d.OutboundMessages, 1024)
	def(&d.OutboundBytes, 1<<20)
	def(&d.Rate, 20_000)
	def(&d.Batch, 64)
	def(&d.Hold, 1024)
	def(&d.DrainBatch, 1000)
	if d.HelloTimeout == 0 {
		d.HelloTimeout = 10 * time.Second
	}
	if d.Patience == 0 {
		d.Patience = 10 * time.Second
	}
	return d
}

func (o *Options) validate() error {
	var errs []error
	positive := func(ok bool, field string) {
		if !ok {
			errs = append(errs, fmt.Errorf("instance: Options.%s must not be negative", field))
		}
	}
	positive(o.HelloTimeout > 0, "HelloTimeout")
	positive(o.Inbound > 0, "Inbound")
	positive(o.OutboundMessages > 0, "OutboundMessages")
	positive(o.OutboundBytes > 0, "OutboundBytes")
	positive(o.Patience > 0, "Patience")
	positive(o.Batch > 0, "Batch")
	positive(o.Hold > 0, "Hold")
	positive(o.DrainBatch > 0, "DrainBatch")
	return errors.Join(errs...)
}

// New makes an instance of in over b, which several instances may share. The
// error says all that is wrong with in and o. The instance does not close b.
func New[C, R any](in core.Integration[C, R], b broker.Broker, o *Options) (*Instance[C, R], error) {
	opt := o.withDefaults()
	err := errors.Join(in.Validate(), opt.validate())
	if b == nil {
		err = errors.Join(err, errors.New("instance: the broker is nil: memory.New(nil) is the one for a single process"))
	}
	if err != nil {
		return nil, err
	}
	i := &Instance[C, R]{
		in: in, b: b, o: opt, writer: newID(),
		rooms: map[string]*room[C, R]{},
		conns: map[*conn[C, R]]struct{}{},
	}
	i.life, i.end = context.WithCancel(context.Background())
	for range 4 * runtime.GOMAXPROCS(0) {
		i.lobbies = append(i.lobbies, i.newRoom("", 0))
	}
	return i, nil
}

// newID is 128 random bits, in hexadecimal.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Accept takes in a connection. It is for transports: see transport.Acceptor.
func (i *Instance[C, R]) Accept(t transport.Conn, h core.Handshake) (transport.Session, error) {
	c := &conn[C, R]{i: i, id: core.ConnID(newID()), t: t, slots: make(chan struct{}, i.o.Inbound)}
	i.mu.Lock()
	if i.drained != nil {
		i.mu.Unlock()
		return nil, ErrShutdown
	}
	i.conns[c] = struct{}{}
	i.accepted++
	c.lobby = i.lobbies[i.accepted%len(i.lobbies)]
	c.home = c.lobby
	i.mu.Unlock()

	now := time.Now()
	c.rate.start(now, i.o.Rate)
	c.post(core.Opened{Conn: c.id, Now: now, Handshake: h})
	if !i.in.AuthenticateOnConnect {
		c.hello = time.AfterFunc(i.o.HelloTimeout, func() { c.post(core.TimedOut{Conn: c.id, Now: time.Now()}) })
	}
	return c, nil
}

// ErrShutdown is the answer of an instance that shuts down, or has.
var ErrShutdown = errors.New("instance: shut down")

// Health is nil while the instance takes in connections and its broker, if that
// can tell, is healthy.
func (i *Instance[C, R]) Health() error {
	if i.draining.Load() {
		return ErrShutdown
	}
	if h, ok := i.b.(interface{ Health() error }); ok {
		if err := h.Health(); err != nil {
			return fmt.Errorf("instance: broker: %w", err)
		}
	}
	return nil
}

// report tells the operators of an error that nobody else gets.
func (i *Instance[C, R]) report(err error, what string, conn core.ConnID, room string) {
	i.o.Logger.Error("est: "+what, "error", err, "conn", conn, "room", room, "integration", i.in.Name)
	if i.o.OnError != nil {
		i.o.OnError(err, what)
	}
}
