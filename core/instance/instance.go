package instance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
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
	in       core.Integration[C, R]
	machines *core.Rooms[C, R]
	b        broker.Broker
	o        Options

	lobbies []*room[C, R] // connections without a room, spread over them
	writers writerPool    // for what is published and updated from outside
	crew    *crew         // runs the rooms
	scribes *scribes      // write the outboxes

	life context.Context // ends when the instance has nothing more to do, or is cut off
	end  context.CancelFunc

	// Locks are taken in this order: of a connection (home), of the instance, of a
	// room. Those of a connection's outbox and side effects are taken last.
	mu       sync.Mutex   // protects what follows, and that no room is entered while it is dropped
	pulse    *pulse[C, R] // of the present start: its writer names the instance
	rooms    map[string]*room[C, R]
	retired  map[*room[C, R]]struct{} // of starts before: nobody enters them
	conns    map[*conn[C, R]]struct{}
	accepted int           // so far
	numbers  uint64        // commits of dropped rooms were numbered up to here
	stopping bool          // the shutdown is complete but for the instance's own records
	drained  chan struct{} // made when a shutdown begins, closed when it is complete
	cutOff   error         // why it is complete, unless all was done

	draining atomic.Bool  // a shutdown has begun
	busy     atomic.Int64 // rooms, outboxes and side effects that a goroutine of ours is at, or will be
}

var _ transport.Acceptor = (*Instance[struct{}, struct{}])(nil)

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
		in: in, b: b, o: opt,
		rooms:   map[string]*room[C, R]{},
		retired: map[*room[C, R]]struct{}{},
		conns:   map[*conn[C, R]]struct{}{},
	}
	i.machines = core.RoomsOf(&i.in)
	i.life, i.end = context.WithCancel(context.Background())
	i.crew = newCrew(i.life.Done())
	i.scribes = newScribes(i.life)
	i.pulse = i.newPulse("")
	for range 32 * runtime.GOMAXPROCS(0) {
		i.lobbies = append(i.lobbies, i.newRoom("", 0))
	}
	go i.pulse.run()
	return i, nil
}

// newID is 128 random bits, in hexadecimal.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Accept takes in a connection. It is for transports: see transport.Acceptor.
// The error is [ErrShutdown], but for a t that is nil.
func (i *Instance[C, R]) Accept(t transport.Conn, h core.Handshake) (transport.Session, error) {
	if t == nil {
		return nil, errors.New("instance: accept: the transport's end of the connection is nil")
	}
	now := time.Now()
	c := &conn[C, R]{i: i, id: core.ConnID(newID()), t: t}

	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drained != nil {
		return nil, ErrShutdown
	}
	i.conns[c] = struct{}{}
	i.accepted++
	c.lobby = i.lobbies[i.accepted%len(i.lobbies)]
	c.home = c.lobby
	// Under the lock: a shutdown that finds the connection posts its Closed after this.
	c.lobby.post(item[C, R]{ev: core.Opened{Conn: c.id, Now: now, Handshake: h}, c: c})
	if !i.in.AuthenticateOnConnect {
		c.hello = time.AfterFunc(i.o.HelloTimeout, func() { c.post(core.TimedOut{Conn: c.id, Now: time.Now()}) })
	}
	return c, nil
}

// ErrShutdown is the answer of an instance that shuts down, or has.
var ErrShutdown = errors.New("instance: shut down")

// Health is nil while the instance takes in connections, its latest heartbeat got
// through, and its broker, if that can tell, is healthy.
func (i *Instance[C, R]) Health() error {
	if i.draining.Load() {
		return ErrShutdown
	}
	if h, ok := i.b.(interface{ Health() error }); ok {
		if err := h.Health(); err != nil {
			return fmt.Errorf("instance: broker: %w", err)
		}
	}
	i.mu.Lock()
	p := i.pulse
	i.mu.Unlock()
	if err := p.health(); err != nil {
		return fmt.Errorf("instance: heartbeat: %w", err)
	}
	return nil
}

// report tells the operators of an error that nobody else gets. No lock is held.
func (i *Instance[C, R]) report(err error, what string, conn core.ConnID, room string) {
	i.o.Logger.Error("est: "+what, "error", err, "conn", conn, "room", room, "integration", i.in.Name)
	if i.o.OnError != nil {
		i.o.OnError(err, what)
	}
}

// work counts the goroutines that must end before the instance does.
func (i *Instance[C, R]) work(n int64) {
	if i.busy.Add(n) == 0 && i.draining.Load() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.checkDrained()
	}
}
