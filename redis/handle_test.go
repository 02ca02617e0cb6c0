package redis_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
)

// small are options with which limits and times are met within a test. The times are
// those of a busy machine: a restart, or a hundred calls, within Retention; and no
// connection that looks dead because we were not given a processor.
var small = redis.Options{
	Prefix: "est", Retention: 4 * time.Second, Queue: 256, MaxValue: 256 << 10, MaxKey: 4096, Probe: time.Second,
}

var smallLimits = conformance.Limits{
	Value: small.MaxValue, Key: small.MaxKey, Queue: small.Queue, Retention: small.Retention,
}

// handle is a broker with a client and ways to the servers of its own, as an
// instance has them.
type handle struct {
	*redis.Broker
	client goredis.UniversalClient
	ways   ways
	rest   sync.Once // of what is to be closed
}

// open makes a handle, of which client is the caller's to make.
func open(client goredis.UniversalClient, w ways, o redis.Options) (*handle, error) {
	b, err := redis.New(client, &o)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &handle{Broker: b, client: client, ways: w}, nil
}

// must is open for what has to work, and is closed at the end of the test.
func must(t testing.TB, client goredis.UniversalClient, o redis.Options) *handle {
	t.Helper()
	h, err := open(client, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *handle) Close(ctx context.Context) (err error) {
	err = h.Broker.Close(ctx)
	h.rest.Do(func() {
		err = errors.Join(err, h.client.Close())
		for _, p := range h.ways {
			p.Close()
		}
	})
	return err
}

// ways are those of one handle to the servers: a proxy for each, by the server's
// address.
type ways map[string]*redistest.Proxy

var making sync.Mutex // handles are made at the same time; proxies can't be

func newWays(t testing.TB, servers ...string) ways {
	making.Lock()
	defer making.Unlock()
	w := ways{}
	for _, addr := range servers {
		w[addr] = redistest.NewProxy(t, addr)
	}
	return w
}

// dial leads a client to the proxies, also to addresses that servers told it.
func (w ways) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if p := w[addr]; p != nil {
		addr = p.Addr()
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// loseReply loses that of the next commit, whichever way it goes.
func (w ways) loseReply() {
	var taken atomic.Pointer[redistest.Proxy]
	for _, p := range w {
		p.LoseReply(func(args []string) bool {
			return slices.Contains([]string{"EVAL", "EVALSHA"}, strings.ToUpper(args[0])) && (taken.CompareAndSwap(nil, p) || taken.Load() == p)
		})
	}
}

// each does something to all proxies, and returns what undoes it.
func (w ways) each(fault func(*redistest.Proxy) (undo func())) (undo func()) {
	var all []func()
	for _, p := range w {
		all = append(all, fault(p))
	}
	return func() {
		for _, undo := range all {
			undo()
		}
	}
}

func (w ways) cut() {
	for _, p := range w {
		p.Cut()
	}
}

func (w ways) hold() (release func())   { return w.each((*redistest.Proxy).Hold) }
func (w ways) blackHole() (heal func()) { return w.each((*redistest.Proxy).BlackHole) }

// wayFaults are the faults that happen to one handle.
func wayFaults() conformance.Faults {
	return conformance.Faults{
		Cut: func(b broker.Broker) error {
			b.(*handle).ways.cut()
			return nil
		},
		HoldReconnect: func(b broker.Broker) (func(), error) { return b.(*handle).ways.hold(), nil },
		BlackHole:     func(b broker.Broker) (func(), error) { return b.(*handle).ways.blackHole(), nil },
		LoseReply: func(b broker.Broker) error {
			b.(*handle).ways.loseReply()
			return nil
		},
	}
}

// subscriptions is how many subscriptions the servers have to topics of rooms.
func subscriptions(prefix string, servers ...*redistest.Server) (int, error) {
	sum := 0
	for _, server := range servers {
		reply, err := server.Command("PUBSUB", "CHANNELS", prefix+":c:*")
		if err != nil {
			return 0, err
		}
		command := []string{"PUBSUB", "NUMSUB"}
		for _, topic := range reply.([]any) {
			command = append(command, topic.(string))
		}
		if reply, err = server.Command(command...); err != nil {
			return 0, err
		}
		for i, n := range reply.([]any) {
			if i%2 == 1 {
				sum += int(n.(int64))
			}
		}
	}
	return sum, nil
}
