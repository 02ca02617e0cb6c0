package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
)

// BenchmarkPipeline is why commands go as they do: each on its own, batched by us,
// and by go-redis in two ways; with commits in some rooms at once.
func BenchmarkPipeline(b *testing.B) {
	server := redistest.Start(b, nil)
	newClient := func(b *testing.B) *goredis.Client {
		c := goredis.NewClient(&goredis.Options{Addr: server.Addr(), PoolSize: 64})
		b.Cleanup(func() {
			if err := c.Close(); err != nil {
				b.Error(err)
			}
		})
		if err := c.ScriptLoad(b.Context(), commitLua).Err(); err != nil {
			b.Fatal(err)
		}
		return c
	}
	auto := func(o *goredis.AutoPipelineOptions) func(*testing.B) doer {
		return func(b *testing.B) doer {
			p, err := newClient(b).AutoPipelineWithOptions(o)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = p.Close() }) // what it was given has been answered
			return p.Process
		}
	}
	ours := func(senders int) func(*testing.B) doer {
		return func(b *testing.B) doer {
			p := newPipeline(newClient(b))
			p.most = senders
			b.Cleanup(p.close)
			return p.do
		}
	}
	for _, rooms := range []int{1, 8, 64} {
		for _, way := range []struct {
			name string
			make func(*testing.B) doer
		}{
			{"plain", func(b *testing.B) doer { return newClient(b).Process }},
			{"ours-1", ours(1)},
			{"ours-2", ours(2)},
			{"ours-4", ours(4)},
			{"auto", auto(nil)},
			{"duplex", auto(&goredis.AutoPipelineOptions{FullDuplex: true})},
		} {
			b.Run(fmt.Sprintf("rooms=%d/%s", rooms, way.name), func(b *testing.B) { benchmarkCommits(b, way.make(b), rooms) })
		}
	}
}

// doer is a way to have a command done.
type doer func(ctx context.Context, cmd goredis.Cmder) error

// runs makes the numbers of commits differ from one run of a benchmark to the next.
var runs int

// benchmarkCommits makes b.N commits.
func benchmarkCommits(b *testing.B, do doer, rooms int) {
	runs++
	br := &Broker{options: Options{Prefix: "bench"}}
	b.ReportAllocs()
	var all sync.WaitGroup
	for room := range rooms {
		all.Go(func() {
			n := br.names(broker.Key{Room: strconv.Itoa(room)})
			writer := fmt.Sprintf("%d-%d", runs, room)
			for i := room; i < b.N; i += rooms {
				cmd := goredis.NewCmd(b.Context(), "evalsha", commitScript.hash, 4, n.record, n.members, n.recent, n.older,
					writer, fmt.Sprintf("%020d", i+1), writer+"-"+strconv.Itoa(i+1), "*", "60000", n.topic, "p", "0123456789012345678901234567890123456789", 0, "")
				if err := do(b.Context(), cmd); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
