package server

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/bench/internal/wire"
	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/redis"
	"github.com/spinneyio/est/transport/gws"
)

// guest is who connects: what the URL says.
type guest struct {
	Name string `json:"name"`
	Room string `json:"room,omitempty"`
}

// application is an integration whose connections are let in by a token in the URL,
// and do nothing but receive.
func application[R any](receive func(core.Conn, guest, R, core.Message) core.Outcome[guest, R]) core.Integration[guest, R] {
	nothing := func(core.Conn, guest, R) core.Outcome[guest, R] { return core.Outcome[guest, R]{} }
	return core.Integration[guest, R]{
		Name:                  "bench",
		AuthenticateOnConnect: true,
		Authenticate: func(conn core.Conn, _ core.Message) (guest, *core.Failure) {
			q := url.Values(conn.Handshake.Query)
			g := guest{q.Get("token"), q.Get("room")}
			if g.Name == "" {
				return g, &core.Failure{Code: 1}
			}
			return g, nil
		},
		Identity: func(_ core.Conn, g guest) string { return g.Name },
		Room:     func(_ core.Conn, g guest) string { return g.Room },
		Join:     nothing,
		Receive:  receive,
		Leave:    nothing,
	}
}

// estEcho decodes and encodes, without a room.
func estEcho(reply func(core.Message) any) maker {
	return func(e *env) (func() error, error) {
		in := application(func(_ core.Conn, _ guest, _ struct{}, m core.Message) core.Outcome[guest, struct{}] {
			return core.Outcome[guest, struct{}]{Reply: reply(m)}
		})
		return serveEst(e, in, memory.New(nil))
	}
}

func standardReply(m core.Message) any {
	var in wire.In
	must(m.Decode(&in))
	return in
}

// fastReply brings its own JSON library: est takes a Message as it is.
func fastReply(m core.Message) any { return core.Message(fast.roundTrip(m)) }

// estRelay passes messages on. There is no Deliver: they go out as they are.
func estRelay(e *env) (func() error, error) {
	in := application(func(_ core.Conn, _ guest, _ struct{}, m core.Message) core.Outcome[guest, struct{}] {
		return core.Outcome[guest, struct{}]{Publish: []core.Publication{core.ToAll(m)}}
	})
	return serveEst(e, in, memory.New(nil))
}

// estIdle echoes, in rooms.
func estIdle(e *env) (func() error, error) {
	in := application(func(_ core.Conn, _ guest, _ struct{}, m core.Message) core.Outcome[guest, struct{}] {
		return core.Outcome[guest, struct{}]{Reply: m}
	})
	return serveEst(e, in, memory.New(nil))
}

// counters are the state of a room.
type counters map[string]int

func estState(e *env) (func() error, error) { return serveCounters(e, memory.New(nil)) }

func estRedis(e *env) (func() error, error) {
	b, err := redis.New(goredis.NewClient(&goredis.Options{Addr: e.redis}), &redis.Options{Prefix: "bench"})
	if err != nil {
		return nil, err
	}
	return serveCounters(e, b)
}

func serveCounters(e *env, b broker.Broker) (func() error, error) {
	in := application(func(_ core.Conn, _ guest, room counters, m core.Message) core.Outcome[guest, counters] {
		var in wire.In
		must(m.Decode(&in))
		if room == nil {
			room = counters{}
		}
		room[in.Key] += in.N
		return core.Outcome[guest, counters]{
			Room:    core.Put(room),
			Publish: []core.Publication{core.ToAll(wire.Out{TS: in.TS, C: in.C, Key: in.Key, Val: room[in.Key], Pad: in.Pad})},
		}
	})
	return serveEst(e, in, b)
}

// serveEst is how README.md serves one, and beside it what the benchmark looks at.
func serveEst[R any](e *env, in core.Integration[guest, R], b broker.Broker) (func() error, error) {
	i, err := instance.New(in, tried{b, e}, nil)
	if err != nil {
		return nil, err
	}
	l := &look[R]{e: e, i: i, rooms: map[string]bool{}, names: map[string]bool{}}
	e.open, e.sum = l.open, l.sum
	h := gws.Handler(i, nil)
	return serveHTTP(e, func(w http.ResponseWriter, r *http.Request) {
		l.note(r.URL.Query().Get("token"), r.URL.Query().Get("room"))
		h.ServeHTTP(w, r)
	}), nil
}

// tried counts commits.
type tried struct {
	broker.Broker
	e *env
}

func (b tried) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	b.e.tries.Add(1)
	return b.Broker.Commit(ctx, key, c)
}

// look looks into the rooms, from outside.
type look[R any] struct {
	e *env
	i *instance.Instance[guest, R]

	mu           sync.Mutex // protects what follows
	rooms, names map[string]bool
}

func (l *look[R]) note(name, room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rooms[room], l.names[name] = true, true
	if room == "" {
		l.e.conns.Add(1)
	}
}

// open counts who has joined, and who has no room.
func (l *look[R]) open() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.e.conns.Load()
	for room := range l.rooms {
		if room != "" {
			members, err := l.i.Members(context.Background(), room)
			must(err)
			for _, m := range members {
				if l.names[m.Identity] { // else it is another process's
					n++
				}
			}
		}
	}
	return n
}

// sum adds the counters up.
func (l *look[R]) sum() (sum int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for room := range l.rooms {
		var state any
		must(l.i.Update(context.Background(), room, func(r R) (core.Change[R], []core.Publication) {
			state = r
			return core.Change[R]{}, nil
		}))
		all, _ := state.(counters)
		for _, n := range all {
			sum += int64(n)
		}
	}
	return sum
}
