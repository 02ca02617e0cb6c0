package redis_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
)

// What each verb costs: the commands that the server is sent, which for calls that
// come one after the other are the round trips.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	w := newWays(t, server.Addr())
	o := small
	o.Probe = time.Hour // it is a command too
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr(), Dialer: w.dial})
	h := must(t, client, o)
	key := roomOf(t)
	listen(t, h, roomOf(t)) // both connections are there now
	commit := func(c broker.Commit) func() error {
		return func() error {
			c.ID = id()
			_, err := h.Commit(t.Context(), key, c)
			return err
		}
	}
	load := func(members bool) func() error {
		return func() error {
			_, err := h.Load(t.Context(), key, members)
			return err
		}
	}
	subscribe := func() error {
		listen(t, h, key)
		return nil
	}
	flushed := func(call func() error) func() error {
		return func() error {
			if _, err := server.Command("SCRIPT", "FLUSH"); err != nil { // past the proxy
				return err
			}
			return call()
		}
	}
	var conflict *broker.Conflict
	conflicting := func() error {
		wrong := broker.Version("another")
		if err := commit(broker.Commit{Expect: &wrong, Value: put("v")})(); !errors.As(err, &conflict) {
			return errors.New("no conflict")
		}
		return nil
	}
	retried := func() error {
		return commit(broker.Commit{Expect: &conflict.Record.Version, Value: put("retried")})()
	}
	everything := commit(broker.Commit{
		Value:    put("v"),
		Members:  []broker.MemberChange{{Op: broker.Add, ID: "m"}, {Op: broker.Add, ID: "n"}},
		Messages: [][]byte{[]byte("1"), []byte("2")},
	})
	update := func() error {
		return broker.Update(t.Context(), h, key, func([]byte, bool) (broker.Change, error) { return put("u"), nil })
	}
	for _, call := range []struct {
		what string
		do   func() error
		cost int
	}{
		{"cold load", load(false), 1},
		{"cold load with members", flushed(load(true)), 2},
		{"cold load with members, script known", load(true), 1},
		{"first subscribe to a room", subscribe, 1},
		{"second", subscribe, 1},
		{"transition", flushed(everything), 2},
		{"transition, script known", everything, 1},
		{"transition that only reads", commit(broker.Commit{}), 1},
		{"conflict", conflicting, 1},
		{"retry on the record of the conflict", retried, 1},
		{"publish", func() error { return broker.Publish(t.Context(), h, key, []byte("x"), []byte("y")) }, 1},
		{"update", update, 2},
	} {
		before := sent(w)
		if err := call.do(); err != nil {
			t.Fatalf("%s: %v", call.what, err)
		}
		if cost := sent(w) - before; cost != call.cost {
			t.Errorf("%s costs %d round trips; want %d", call.what, cost, call.cost)
		}
	}
}

// sent is how many commands have gone that way.
func sent(w ways) (n int) {
	for _, p := range w {
		for _, of := range p.Stats().Commands {
			n += of
		}
	}
	return n
}

// What a transition of a warm room, which expects, requires, puts and publishes, costs
// within Redis: these commands and no more.
func TestCommandsOfACommit(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	o := small
	o.Retention, o.Probe = time.Hour, time.Hour
	h := must(t, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), o)
	listen(t, h, roomOf(t)) // both connections are there now
	key, writer := roomOf(t), id().Writer
	var version broker.Version
	commit := func(n uint64, op broker.MemberOp) {
		t.Helper()
		r, err := h.Commit(t.Context(), key, broker.Commit{
			ID: broker.CommitID{Writer: writer, N: n}, Expect: &version, Value: put("v"),
			Members: []broker.MemberChange{{Op: op, ID: "m"}}, Messages: [][]byte{[]byte("hello")},
		})
		if err != nil {
			t.Fatal(err)
		}
		version = r.Version
	}
	commit(1, broker.Add)
	if _, err := server.Command("CONFIG", "RESETSTAT"); err != nil {
		t.Fatal(err)
	}
	const commits = 3
	for n := range uint64(commits) {
		commit(2+n, broker.Require)
	}
	info, err := server.Command("INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(info.(string)) {
		var calls int
		if name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls="); ok {
			if _, err := fmt.Sscanf(rest, "%d,", &calls); err != nil {
				t.Fatal(err)
			}
			got[name] = calls
		}
	}
	delete(got, "config|resetstat")
	delete(got, "config") // before Redis 7
	delete(got, "info")
	want := map[string]int{"evalsha": 1, "hmget": 1, "hget": 1, "hexists": 1, "pttl": 1, "hset": 2, "publish": 1}
	for name := range want {
		want[name] *= commits
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d commits cost %v; want %v", commits, got, want)
	}
}
