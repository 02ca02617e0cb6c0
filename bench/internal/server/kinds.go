package server

import (
	"github.com/lxzan/gws"
	"github.com/olahol/melody"
)

// maker makes a server. What it returns serves until the process ends.
type maker func(*env) (serve func() error, err error)

// kinds has the servers by name.
var kinds = map[string]maker{
	// Echoes. Those without a name of a JSON library send back what they get.
	"gws":                   gwsEcho(asItIs, nil),
	"gws-json":              gwsEcho(standard.roundTrip, nil),
	"gws-goccy":             gwsEcho(fast.roundTrip, nil),
	"gws-turn-json":         turns(gwsEcho(standard.roundTrip, nil)),
	"gws-turn-goccy":        turns(gwsEcho(fast.roundTrip, nil)),
	"gws-512":               gwsEcho(asItIs, func(o *gws.ServerOption) { o.ReadBufferSize = 512 }),
	"gws-http":              gwsBehindHTTP(nil),
	"gws-http-parallel-512": gwsBehindHTTP(func(o *gws.ServerOption) { o.ReadBufferSize, o.ParallelEnabled = 512, true }),
	"gorilla-json":          gorillaEcho,
	"coder-json":            coderEcho,
	"melody":                melodyServer(func(_ *melody.Melody, s *melody.Session, p []byte) { _ = s.Write(p) }),
	"melody-json":           melodyServer(func(_ *melody.Melody, s *melody.Session, p []byte) { _ = s.Write(standard.roundTrip(p)) }),
	"est-json":              estEcho(standardReply),
	"est-goccy":             estEcho(fastReply),

	// Rooms that relay.
	"room-broadcaster": relay(broadcaster),
	"room-frames":      relay(frames),
	"room-flushers":    relay(flushers),
	"room-gorilla":     gorillaHub,
	"room-melody":      melodyServer(func(m *melody.Melody, s *melody.Session, p []byte) { _ = m.BroadcastOthers(p, s) }),
	"centrifuge":       centrifugeNode, // it echoes calls, too
	"est-room":         estRelay,
	"est-idle":         estIdle, // echoes, in a room

	// Rooms with a state: counters.
	"state-broadcaster": count(broadcaster),
	"state-frames":      count(frames),
	"state-flushers":    count(flushers),
	"est-state":         estState,

	// The same in Redis.
	"redis-watch": redisRooms(broadcaster, (*redisServer).watch),
	"redis-group": redisRooms(flushers, (*redisServer).group),
	"redis-incr":  redisRooms(flushers, (*redisServer).increment),
	"est-redis":   estRedis,
}

func asItIs(p []byte) []byte { return p }
