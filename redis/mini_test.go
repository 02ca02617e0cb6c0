package redis_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/redis"
)

// The logic, in fake time and without a network.
func TestConformanceInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		t.Cleanup(m.Close)
		o := redis.Options{Prefix: "est", Retention: time.Second, Queue: 256, MaxValue: 256 << 10, MaxKey: 4096}
		r := conformance.Check(conformance.Harness{
			Open: func() (broker.Broker, error) {
				c := goredis.NewClient(&goredis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) { return dialMini(m) }})
				t.Cleanup(func() {
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				})
				return redis.New(c, &o)
			},
			Limits: conformance.Limits{Value: o.MaxValue, Key: o.MaxKey, Queue: o.Queue, Retention: o.Retention},
		})
		for _, f := range r.Failed {
			t.Errorf("\n%s", f)
		}
		t.Logf("%d passed, skipped: %v", len(r.Passed), r.Skipped)
	})
}

// dialMini connects to m. It writes without waiting for m to read, as a socket
// does and a pipe doesn't: m doesn't read while it writes.
func dialMini(m *miniredis.Miniredis) (net.Conn, error) {
	pipe, err := m.Dial()
	if err != nil {
		return nil, err
	}
	c := &buffered{Conn: pipe}
	c.more = sync.NewCond(&c.mu)
	go c.flush()
	return c, nil
}

type buffered struct {
	net.Conn
	mu     sync.Mutex // protects what follows
	more   *sync.Cond
	buffer []byte
	err    error
}

func (c *buffered) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.buffer = append(c.buffer, b...)
	c.more.Signal()
	return len(b), nil
}

func (c *buffered) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil {
		if len(c.buffer) == 0 {
			c.more.Wait()
			continue
		}
		b := c.buffer
		c.buffer = nil
		c.mu.Unlock()
		_, err := c.Conn.Write(b)
		c.mu.Lock()
		if c.err == nil {
			c.err = err
		}
	}
}

func (c *buffered) Close() error {
	c.mu.Lock()
	c.err = net.ErrClosed
	c.more.Signal()
	c.mu.Unlock()
	return c.Conn.Close()
}
