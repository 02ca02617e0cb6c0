package natsbroker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
)

// TestConformance is all that it takes to prove a broker, once there is somebody
// who can break its store (faults_test.go).
func TestConformance(t *testing.T) {
	const queue, retention = 100, 5 * time.Second
	store := newStore(t)
	conformance.Run(t, conformance.Harness{
		Open: func() (broker.Broker, error) {
			return store.open(&natsbroker.Options{
				Retention: retention,
				Queue:     queue,
				Connect:   []nats.Option{nats.PingInterval(500 * time.Millisecond)},
			})
		},
		Faults: conformance.Faults{
			Cut:           store.cut,
			HoldReconnect: store.holdReconnect,
			LoseReply:     store.loseReply,
			BlackHole:     store.blackHole,
			Restart:       store.restartAsIs,
			Empty:         store.restartEmpty,
			Rollback:      store.rollback,
		},
		Limits: conformance.Limits{
			Value:     (1<<20 - 1<<10) / 4,
			Key:       2 << 10,
			Queue:     queue,
			Retention: retention,
		},
		Subscriptions: store.subscriptions,
	})
}
