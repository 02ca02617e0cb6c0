package memory_test

import (
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/memory"
)

// There is nothing between a handle and an in-process store that could fail.
func TestConformance(t *testing.T) {
	o := memory.Options{Queue: 256, Retention: 500 * time.Millisecond, MaxValue: 1 << 20, MaxKey: 4096}
	b := memory.New(&o)
	conformance.Run(t, conformance.Harness{
		Open:          func() (broker.Broker, error) { return b.Open(), nil },
		Limits:        conformance.Limits{Value: o.MaxValue, Key: o.MaxKey, Queue: o.Queue, Retention: o.Retention},
		Subscriptions: func() (int, error) { return b.Subscriptions(), nil },
	})
}
