package redis_test

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
)

func benchmarked(b *testing.B) (*handle, *redistest.Server) {
	server := redistest.Start(b, nil)
	return must(b, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), redis.Options{Prefix: "bench", Queue: 1 << 20}), server
}

var ignoring = broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}}

// BenchmarkCommit is what a transition costs on a warm room, here and in Redis: it
// requires a member, puts the state and publishes to two instances; in one room, and
// in some at once.
func BenchmarkCommit(b *testing.B) {
	for _, rooms := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			h, server := benchmarked(b)
			other := must(b, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), redis.Options{Prefix: "bench"})
			state, message := make([]byte, 500), make([]byte, 100)
			commit := func(room int, id broker.CommitID, version *broker.Version, op broker.MemberOp) {
				r, err := h.Commit(b.Context(), roomNumber(room), broker.Commit{
					ID: id, Expect: version,
					Value:    broker.Change{Op: broker.Put, Value: state},
					Members:  []broker.MemberChange{{Op: op, ID: "0123456789abcdef0123456789abcdef"}},
					Messages: [][]byte{message},
				})
				if err != nil {
					b.Error(err)
				}
				*version = r.Version
			}
			writer, versions := rand.Text(), make([]broker.Version, rooms)
			for room := range rooms {
				for _, h := range []*handle{h, other} {
					if _, err := h.Subscribe(b.Context(), roomNumber(room), ignoring); err != nil {
						b.Fatal(err)
					}
				}
				commit(room, broker.CommitID{Writer: writer, N: 1}, &versions[room], broker.Add)
			}
			before := cpuOf(b, server)
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for room := range rooms {
				all.Go(func() {
					for i := room; i < b.N && !b.Failed(); i += rooms {
						commit(room, broker.CommitID{Writer: writer, N: uint64(i + 2)}, &versions[room], broker.Require)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(cpuOf(b, server)-before)/float64(b.N), "redis-ns/op")
		})
	}
}

func roomNumber(n int) broker.Key { return broker.Key{Namespace: "n", Room: strconv.Itoa(n)} }

// cpuOf is the processor time that server has taken.
func cpuOf(b *testing.B, server *redistest.Server) (sum time.Duration) {
	b.Helper()
	info, err := server.Command("INFO", "cpu")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info.(string)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "used_cpu_user" && name != "used_cpu_sys" {
			continue
		}
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(seconds * float64(time.Second))
	}
	return sum
}

// BenchmarkPublish is a message from outside: by a writer of its own, to nobody.
func BenchmarkPublish(b *testing.B) {
	h, _ := benchmarked(b)
	key, body := broker.Key{Room: "room"}, make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if err := broker.Publish(b.Context(), h, key, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDelivery is a message from commit to handler.
func BenchmarkDelivery(b *testing.B) {
	h, _ := benchmarked(b)
	key, body := broker.Key{Room: "room"}, make([]byte, 100)
	l := listen(b, h, key)
	writer, n := rand.Text(), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		if _, err := h.Commit(b.Context(), key, broker.Commit{ID: broker.CommitID{Writer: writer, N: n}, Messages: [][]byte{body}}); err != nil {
			b.Fatal(err)
		}
		if e := <-l.heard; e.gap != nil {
			b.Fatal(e.gap)
		}
	}
}

// BenchmarkSubscribe is a subscription to a new room, and its end.
func BenchmarkSubscribe(b *testing.B) {
	h, _ := benchmarked(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s, err := h.Subscribe(b.Context(), broker.Key{Room: fmt.Sprint(i)}, ignoring)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
