package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/bench/internal/wire"
)

// Rooms with a state in Redis, by hand: without heartbeats, without an answer to a
// connection that breaks, and without knowing who is there.
//
//	watch      GET, then MULTI SET PUBLISH EXEC under WATCH, until nobody was faster
//	group      what this process knows, decided on at once for all that wait, and one
//	           script that compares, sets and publishes; through go-redis's automatic pipeline
//	increment  the operation itself as a script: no compare-and-swap, the least there is

const swapScript = `
local v = redis.call('HGET', KEYS[1], 'v') or '0'
if v ~= ARGV[1] then
  return redis.call('HMGET', KEYS[1], 'v', 's')
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 's', ARGV[3])
redis.call('PUBLISH', KEYS[2], ARGV[4])
return 1`

const incrementScript = `
local v = redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', KEYS[2], ARGV[3] .. v .. ARGV[4])
return v`

type redisServer struct {
	env       *env
	rooms     *rooms
	client    *goredis.Client
	pipelined goredis.Scripter
	swap      *goredis.Script
	add       *goredis.Script
}

// shared is what this process knows of a room.
type shared struct {
	version  int64 // of whoever runs, like counters
	counters map[string]int

	mu      sync.Mutex // protects what follows
	waiting []wire.In
	running bool // somebody commits, and will see to what waits
}

func record(r *room) string { return "room:" + r.name }
func topic(r *room) string  { return "topic:" + r.name }

// redisRooms makes rooms where apply does what a message asks for.
func redisRooms(out output, apply func(*redisServer, *room, wire.In)) maker {
	return func(e *env) (func() error, error) {
		ctx := context.Background()
		s := &redisServer{
			env: e, rooms: newRooms(e, out), client: goredis.NewClient(&goredis.Options{Addr: e.redis, PoolSize: 64}),
			swap: goredis.NewScript(swapScript), add: goredis.NewScript(incrementScript),
		}
		pipelined, err := s.client.AutoPipeline()
		if err = errors.Join(err, s.swap.Load(ctx, s.client).Err(), s.add.Load(ctx, s.client).Err()); err != nil {
			return nil, err
		}
		s.pipelined = pipelined
		messages := s.client.Subscribe(ctx, "topic:none")
		s.rooms.made = func(r *room) error {
			r.shared = &shared{counters: map[string]int{}}
			return messages.Subscribe(ctx, topic(r))
		}
		e.sum = s.sum
		go s.listen(messages)
		return s.rooms.serve(func(m *member, p []byte) { apply(s, m.room, decode(p)) }), nil
	}
}

// listen sends what was published to the members here. Several messages may have
// been published together, a line each.
func (s *redisServer) listen(messages *goredis.PubSub) {
	for {
		m, err := messages.ReceiveMessage(context.Background())
		must(err)
		r, err := s.rooms.get(m.Channel[len("topic:"):])
		must(err)
		r.mu.Lock()
		for line := range bytes.Lines([]byte(m.Payload)) {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			s.rooms.send(r, line, wire.Sender(line))
		}
		r.mu.Unlock()
	}
}

func (s *redisServer) watch(r *room, in wire.In) {
	ctx := context.Background()
	attempt := func(tx *goredis.Tx) error {
		counters := map[string]int{}
		b, err := tx.Get(ctx, record(r)).Bytes()
		if err == nil {
			err = json.Unmarshal(b, &counters)
		}
		if err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
		counters[in.Key] += in.N
		b, err = json.Marshal(counters)
		if err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.Set(ctx, record(r), b, 0)
			p.Publish(ctx, topic(r), told(in, counters[in.Key]))
			return nil
		})
		return err
	}
	for {
		s.env.tries.Add(1)
		err := s.client.Watch(ctx, attempt, record(r))
		if err == nil {
			return
		}
		if !errors.Is(err, goredis.TxFailedErr) {
			must(err)
		}
	}
}

// group returns at once if somebody else commits for the room.
func (s *redisServer) group(r *room, in wire.In) {
	x := r.shared
	x.mu.Lock()
	x.waiting = append(x.waiting, in)
	if x.running {
		x.mu.Unlock()
		return
	}
	x.running = true
	for len(x.waiting) > 0 {
		batch := x.waiting
		x.waiting = nil
		x.mu.Unlock()
		for !s.try(r, batch) {
		}
		x.mu.Lock()
	}
	x.running = false
	x.mu.Unlock()
}

// try decides batch on what is known, and commits it, unless another process was
// faster: then that is known.
func (s *redisServer) try(r *room, batch []wire.In) bool {
	x := r.shared
	var published []byte
	for _, in := range batch {
		x.counters[in.Key] += in.N
		published = append(append(published, told(in, x.counters[in.Key])...), '\n')
	}
	state, err := json.Marshal(x.counters)
	must(err)
	s.env.tries.Add(1)
	answer, err := s.swap.EvalSha(context.Background(), s.pipelined, []string{record(r), topic(r)}, x.version, x.version+1, state, published).Result()
	must(err)
	other, conflict := answer.([]any)
	if !conflict {
		x.version++
		return true
	}
	x.version, err = strconv.ParseInt(other[0].(string), 10, 64)
	must(err)
	x.counters = map[string]int{}
	must(json.Unmarshal([]byte(other[1].(string)), &x.counters))
	return false
}

// increment has the script put the new value into the message, where 0 stands.
func (s *redisServer) increment(r *room, in wire.In) {
	before, after := splitValue(told(in, 0))
	must(s.add.EvalSha(context.Background(), s.pipelined, []string{record(r), topic(r)}, in.Key, in.N, before, after).Err())
}

// sum adds up what is stored, by whichever of these servers.
func (s *redisServer) sum() (sum int64) {
	ctx := context.Background()
	keys, err := s.client.Keys(ctx, "room:*").Result()
	must(err)
	for _, key := range keys {
		counters := map[string]int64{}
		kind, err := s.client.Type(ctx, key).Result()
		must(err)
		var text string
		if kind == "string" {
			text, err = s.client.Get(ctx, key).Result()
		} else if text, err = s.client.HGet(ctx, key, "s").Result(); errors.Is(err, goredis.Nil) {
			must(s.hash(key, counters))
			text, err = "{}", nil
		}
		must(err)
		must(json.Unmarshal([]byte(text), &counters))
		for _, n := range counters {
			sum += n
		}
	}
	return sum
}

func (s *redisServer) hash(key string, counters map[string]int64) error {
	fields, err := s.client.HGetAll(context.Background(), key).Result()
	if err != nil {
		return err
	}
	for name, text := range fields {
		if counters[name], err = strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}
