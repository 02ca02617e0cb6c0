package redis_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
)

// handle is a broker with a client and a way to the server of its own, as an
// instance has them.
type handle struct {
	*redis.Broker
	client *goredis.Client
	proxy  *redistest.Proxy
	rest   sync.Once // of what is to be closed
}

func (h *handle) Close(ctx context.Context) (err error) {
	err = h.Broker.Close(ctx)
	h.rest.Do(func() { err = errors.Join(err, h.client.Close()); h.proxy.Close() })
	return err
}

// A real server, over a network that breaks in all ways.
func TestConformance(t *testing.T) {
	server := redistest.Start(t, nil)
	o := redis.Options{
		Prefix: "est", Retention: time.Second, Queue: 256, MaxValue: 256 << 10, MaxKey: 4096, Probe: 500 * time.Millisecond,
	}
	var mu sync.Mutex // proxies are made at the same time
	open := func() (broker.Broker, error) {
		mu.Lock()
		proxy := redistest.NewProxy(t, server.Addr())
		mu.Unlock()
		client := goredis.NewClient(&goredis.Options{Addr: proxy.Addr()})
		b, err := redis.New(client, &o)
		if err != nil {
			return nil, errors.Join(err, client.Close())
		}
		return &handle{Broker: b, client: client, proxy: proxy}, nil
	}
	conformance.Run(t, conformance.Harness{
		Open:          open,
		Subscriptions: func() (int, error) { return subscriptions(server, o.Prefix) },
		Limits:        conformance.Limits{Value: o.MaxValue, Key: o.MaxKey, Queue: o.Queue, Retention: o.Retention},
		Faults: conformance.Faults{
			Cut: func(b broker.Broker) error {
				b.(*handle).proxy.Cut()
				return nil
			},
			HoldReconnect: func(b broker.Broker) (func(), error) { return b.(*handle).proxy.Hold(), nil },
			BlackHole:     func(b broker.Broker) (func(), error) { return b.(*handle).proxy.BlackHole(), nil },
			LoseReply: func(b broker.Broker) error {
				b.(*handle).proxy.LoseReply(nil)
				return nil
			},
			Restart:  func() error { return server.Restart(true) },
			Empty:    func() error { return server.Restart(false) },
			Rollback: func() (func() error, error) { return server.Snapshot() },
		},
	})
}

// subscriptions is how many subscriptions the server has to topics of rooms.
func subscriptions(server *redistest.Server, prefix string) (int, error) {
	reply, err := server.Command("PUBSUB", "CHANNELS", prefix+":c:*")
	if err != nil {
		return 0, err
	}
	command := []string{"PUBSUB", "NUMSUB"}
	for _, topic := range reply.([]any) {
		command = append(command, topic.(string))
	}
	if reply, err = server.Command(command...); err != nil {
		return 0, err
	}
	sum := 0
	for i, n := range reply.([]any) {
		if i%2 == 1 {
			sum += int(n.(int64))
		}
	}
	return sum, nil
}
