package redis_test

import (
	"os"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/redis"
)

func TestConformanceReal(t *testing.T) {
	addr := os.Getenv("REDIS")
	conformance.Run(t, conformance.Harness{
		Open: func() (broker.Broker, error) {
			c := goredis.NewClient(&goredis.Options{Addr: addr})
			return redis.New(c, &redis.Options{Prefix: "t", Retention: time.Second, Queue: 256, MaxValue: 1 << 20, MaxKey: 4096})
		},
		Limits: conformance.Limits{Value: 1 << 20, Key: 4096, Queue: 256, Retention: time.Second},
	})
}
