package redis_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
)

func benchmarked(b *testing.B) *handle {
	server := redistest.Start(b, nil)
	return must(b, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), redis.Options{Prefix: "bench", Queue: 1 << 20})
}

// BenchmarkCommit is what a transition costs on a warm room: it puts the state,
// changes a member and publishes; in one room, and in 64 at once.
func BenchmarkCommit(b *testing.B) {
	for _, rooms := range []int{1, 64} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			h := benchmarked(b)
			state, data, message := make([]byte, 500), make([]byte, 100), make([]byte, 100)
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for room := range rooms {
				all.Go(func() {
					key, writer := broker.Key{Namespace: "n", Room: fmt.Sprint(room)}, rand.Text()
					version := broker.Version("")
					for i := room; i < b.N; i += rooms {
						r, err := h.Commit(b.Context(), key, broker.Commit{
							ID: broker.CommitID{Writer: writer, N: uint64(i + 1)}, Expect: &version,
							Value:    broker.Change{Op: broker.Put, Value: state},
							Members:  []broker.MemberChange{{Op: broker.Add, ID: "m", Data: data}},
							Messages: [][]byte{message},
						})
						if err != nil {
							b.Error(err)
							return
						}
						version = r.Version
					}
				})
			}
			all.Wait()
		})
	}
}

// BenchmarkPublish is a message from outside: by a writer of its own, to nobody.
func BenchmarkPublish(b *testing.B) {
	h, key, body := benchmarked(b), broker.Key{Room: "room"}, make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if err := broker.Publish(b.Context(), h, key, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDelivery is a message from commit to handler.
func BenchmarkDelivery(b *testing.B) {
	h, key, body := benchmarked(b), broker.Key{Room: "room"}, make([]byte, 100)
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
	h := benchmarked(b)
	handler := broker.Handler{Message: func(broker.Message) {}, Gap: func(error) {}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s, err := h.Subscribe(b.Context(), broker.Key{Room: fmt.Sprint(i)}, handler)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
