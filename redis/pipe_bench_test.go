package redis

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/spinneyio/est/broker"
)

func benchCommits(b *testing.B, do func(ctx context.Context, cmd goredis.Cmder) error, rooms int) {
	br := &Broker{options: Options{Prefix: "bench"}, retention: "60000"}
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for r := range rooms {
		wg.Go(func() {
			n := br.names(broker.Key{Room: fmt.Sprint("room", r)})
			for i := range b.N / rooms {
				args := []any{"eval", commitLua, 4, n.record, n.members, n.recent, n.older, fmt.Sprint("w", r), fmt.Sprintf("%020d", os.Getpid()*1000000000+i+1), fmt.Sprint("w", r, "-", i), "*", "p", []byte("0123456789012345678901234567890123456789"), "60000", n.topic, 0, nil}
				args[0], args[1] = "evalsha", commitScript.hash
				cmd := goredis.NewSliceCmd(ctx, args...)
				if err := do(ctx, cmd); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPipe(b *testing.B) {
	newc := func() *goredis.Client {
		c := goredis.NewClient(&goredis.Options{Addr: os.Getenv("REDIS"), PoolSize: 64})
		c.ScriptLoad(context.Background(), commitLua)
		return c
	}
	for _, rooms := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("rooms=%d/plain", rooms), func(b *testing.B) {
			c := newc()
			defer c.Close()
			benchCommits(b, func(ctx context.Context, cmd goredis.Cmder) error { return c.Process(ctx, cmd) }, rooms)
		})
		for _, senders := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("rooms=%d/ours-%d", rooms, senders), func(b *testing.B) {
				c := newc()
				defer c.Close()
				p := newPipeline(c)
				p.most = senders
				defer p.close()
				benchCommits(b, p.do, rooms)
			})
		}
		b.Run(fmt.Sprintf("rooms=%d/auto", rooms), func(b *testing.B) {
			c := newc()
			defer c.Close()
			ap, err := c.AutoPipeline()
			if err != nil {
				b.Fatal(err)
			}
			defer ap.Close()
			benchCommits(b, func(ctx context.Context, cmd goredis.Cmder) error { return ap.Process(ctx, cmd) }, rooms)
		})
		b.Run(fmt.Sprintf("rooms=%d/duplex", rooms), func(b *testing.B) {
			c := newc()
			defer c.Close()
			ap, err := c.AutoPipelineWithOptions(&goredis.AutoPipelineOptions{FullDuplex: true})
			if err != nil {
				b.Fatal(err)
			}
			defer ap.Close()
			benchCommits(b, func(ctx context.Context, cmd goredis.Cmder) error { return ap.Process(ctx, cmd) }, rooms)
		})
	}
}
