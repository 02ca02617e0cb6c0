package main

import (
	"github.com/spinneyio/est/bench/internal/load"
	"github.com/spinneyio/est/bench/internal/measure"
)

// The tables that have servers and a load, as data. The first row is the base.

var echoes = []measure.Variant{
	{Name: "gws, encoding/json", Kind: "gws-json"},
	{Name: "est", Kind: "est-json"},
	{Name: "est, goccy", Kind: "est-goccy"},
	{Name: "by hand: gws in turns", Kind: "gws-turn-json"},
	{Name: "by hand: gws in turns, goccy", Kind: "gws-turn-goccy"},
	{Name: "gws, goccy", Kind: "gws-goccy"},
	{Name: "gorilla", Kind: "gorilla-json"},
	{Name: "coder", Kind: "coder-json"},
	{Name: "melody", Kind: "melody-json"},
	{Name: "gws, no JSON", Kind: "gws"},
}

var echoCases = []measure.Case{
	{Name: "64x1", Load: load.Config{Mode: load.Echo, Conns: 64, Window: 1, Msgs: 120_000}},
	{Name: "64x16", Load: load.Config{Mode: load.Echo, Conns: 64, Window: 16, Msgs: 250_000}},
}

var latencyCases = []measure.Case{
	{Name: "64 at 1000", Load: load.Config{Mode: load.Paced, Conns: 64, Window: 1, Rate: 1000, Msgs: 1500}},
	{Name: "64 at 5000", Load: load.Config{Mode: load.Paced, Conns: 64, Window: 1, Rate: 5000, Msgs: 7500}},
}

var broadcasts = []measure.Variant{
	{Name: "centrifuge", Kind: "centrifuge", Centrifuge: true},
	{Name: "est", Kind: "est-room"},
	{Name: "by hand: gws Broadcaster", Kind: "room-broadcaster"},
	{Name: "by hand: gws, one frame", Kind: "room-frames"},
	{Name: "by hand: gws, two flushers", Kind: "room-flushers"},
	{Name: "gorilla hub", Kind: "room-gorilla"},
	{Name: "melody", Kind: "room-melody"},
}

var broadcastCases = []measure.Case{
	{Name: "100x1", Load: load.Config{Mode: load.Room, Members: 100, Window: 1, Msgs: 1000}},
	{Name: "100x8", Load: load.Config{Mode: load.Room, Members: 100, Window: 8, Msgs: 1600}},
	{Name: "1000x1", Load: load.Config{Mode: load.Room, Members: 1000, Window: 1, Msgs: 100}},
	{Name: "1000x8", Load: load.Config{Mode: load.Room, Members: 1000, Window: 8, Msgs: 160}},
}

var states = []measure.Variant{
	{Name: "gws and mutex, Broadcaster", Kind: "state-broadcaster"},
	{Name: "est", Kind: "est-state"},
	{Name: "by hand: one frame", Kind: "state-frames"},
	{Name: "by hand: two flushers", Kind: "state-flushers"},
}

var stateCases = []measure.Case{
	{Name: "8x8x1", Sums: true, Load: load.Config{Mode: load.State, Rooms: 8, Members: 8, Window: 1, Msgs: 25_000}},
	{Name: "8x8x8", Sums: true, Load: load.Config{Mode: load.State, Rooms: 8, Members: 8, Window: 8, Msgs: 50_000}},
	{Name: "1x64x1", Sums: true, Load: load.Config{Mode: load.State, Rooms: 1, Members: 64, Window: 1, Msgs: 6000}},
}

var redises = []measure.Variant{
	{Name: "WATCH/MULTI", Kind: "redis-watch", Processes: 2, Redis: true},
	{Name: "est", Kind: "est-redis", Processes: 2, Redis: true},
	{Name: "by hand: group commit, pipeline, flushers", Kind: "redis-group", Processes: 2, Redis: true},
	{Name: "by hand: HINCRBY script, pipeline, flushers", Kind: "redis-incr", Processes: 2, Redis: true},
}

var redisCases = []measure.Case{
	{Name: "32x2x1", Sums: true, Load: load.Config{Mode: load.State, Rooms: 32, Members: 2, Window: 1, Msgs: 14_000}},
	{Name: "8x8x1", Sums: true, Load: load.Config{Mode: load.State, Rooms: 8, Members: 8, Window: 1, Msgs: 9600}},
	{Name: "1x16x1", Sums: true, Load: load.Config{Mode: load.State, Rooms: 1, Members: 16, Window: 1, Msgs: 2400}},
}
