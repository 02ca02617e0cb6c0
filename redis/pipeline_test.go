package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
)

// gate is a network that a test opens: it notes how many commands share a round
// trip, and doesn't answer before.
type gate struct {
	mu    sync.Mutex // protects trips
	trips []int
	open  chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass(commands int) {
	g.mu.Lock()
	g.trips = append(g.trips, commands)
	g.mu.Unlock()
	<-g.open
}

func (g *gate) DialHook(goredis.DialHook) goredis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("there is no network")
	}
}

func (g *gate) ProcessHook(goredis.ProcessHook) goredis.ProcessHook {
	return func(context.Context, goredis.Cmder) error {
		g.pass(1)
		return nil
	}
}

func (g *gate) ProcessPipelineHook(goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(_ context.Context, commands []goredis.Cmder) error {
		g.pass(len(commands))
		return nil
	}
}

func gated() (*pipeline, *gate, func() error) {
	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"})
	g := newGate()
	client.AddHook(g)
	return newPipeline(client), g, client.Close
}

func ping(ctx context.Context) goredis.Cmder { return goredis.NewStatusCmd(ctx, "ping") }

// What waits while others are under way goes together.
func TestPipelineShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g, closed := gated()
		var calls sync.WaitGroup
		const many = 1000
		for range many {
			calls.Go(func() {
				if err := p.do(t.Context(), ping(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if len(g.trips) != mostSenders {
			t.Errorf("%d are under way; want %d", len(g.trips), mostSenders)
		}
		close(g.open)
		calls.Wait()
		sum := 0
		for _, n := range g.trips {
			sum += n
			if n > mostCalls {
				t.Errorf("%d share a round trip; want %d at most", n, mostCalls)
			}
		}
		if most := mostSenders + (many+mostCalls-1)/mostCalls; sum != many || len(g.trips) > most {
			t.Errorf("%d commands took %d round trips: %v; want %d at most", sum, len(g.trips), g.trips, most)
		}
		p.close()
		p.idle.Wait()
		if err := closed(); err != nil {
			t.Error(err)
		}
	})
}

// A call ends with its context or the broker, whatever the client does, and is not
// sent if that was before its turn.
func TestPipelineReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g, closed := gated()
		for range mostSenders { // those who hang
			go func() { _ = p.do(context.Background(), ping(context.Background())) }()
			synctest.Wait() // each in a round trip of its own
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond) // too short for a sender to count as stuck
		defer cancel()
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				if err := p.do(ctx, ping(ctx)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the error is %v", err)
				}
			})
		}
		began := time.Now()
		calls.Wait()
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("calls returned after %v", took)
		}
		var later sync.WaitGroup
		later.Go(func() {
			if err := p.do(context.Background(), ping(context.Background())); !errors.Is(err, broker.ErrClosed) {
				t.Errorf("the error is %v", err)
			}
		})
		synctest.Wait()
		p.close()
		later.Wait()
		if err := p.do(context.Background(), ping(context.Background())); !errors.Is(err, broker.ErrClosed) {
			t.Errorf("after close the error is %v", err)
		}
		close(g.open)
		p.idle.Wait()
		if len(g.trips) != mostSenders {
			t.Errorf("sent were %v; want nothing of what was given up", g.trips)
		}
		if err := closed(); err != nil {
			t.Error(err)
		}
	})
}
