package consult_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/consult/consult"
	"github.com/spinneyio/est/examples/consult/scenario"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/redis"
)

// TestScenario plays each scene inside a synctest bubble: so that nothing more
// comes is not a matter of waiting long enough, but certain.
func TestScenario(t *testing.T) {
	stores := map[string]func(t *testing.T, n int) []broker.Broker{"memory": inMemory, "redis": onRedis}
	for name, open := range stores {
		for _, n := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/instances=%d", name, n), func(t *testing.T) {
				for _, scene := range scenario.Scenes() {
					t.Run(scene.Title, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { scene.Play(t, stage(t, open(t, n))) })
					})
				}
			})
		}
	}
}

func inMemory(_ *testing.T, n int) []broker.Broker {
	first := memory.New(nil)
	brokers := []broker.Broker{first}
	for len(brokers) < n {
		brokers = append(brokers, first.Open())
	}
	return brokers
}

// onRedis has a Redis in this process, and each broker a client of its own.
func onRedis(t *testing.T, n int) (brokers []broker.Broker) {
	server := miniredis.NewMiniRedis() // listens on nothing
	t.Cleanup(server.Close)
	for range n {
		client := goredis.NewClient(&goredis.Options{
			Addr: "127.0.0.1:0", // nobody dials it, but a name would be looked up, outside the bubble
			// A pipe has no room. That is enough for a scene: its commands are so few and
			// small that the server reads all that are sent at once before it answers.
			Dialer: func(context.Context, string, string) (net.Conn, error) { return server.Dial() },
		})
		t.Cleanup(func() {
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		})
		b, err := redis.New(client, &redis.Options{Prefix: "consult"})
		if err != nil {
			t.Fatal(err)
		}
		brokers = append(brokers, b)
	}
	return brokers
}

// stage is a cluster on these brokers in a bubble: there it is certain when nothing
// more comes, and the brokers can be looked into. The millisecond is one of the
// bubble's: nobody waits for it.
func stage(t *testing.T, brokers []broker.Broker) scenario.Stage {
	s := scenario.Cluster(t, brokers, time.Millisecond)
	s.Quiet = func(c scenario.Client) error {
		if got, err := c.Receive(); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("a client got more: message %s, error %v", got, err)
		}
		return nil
	}
	s.Gone = func(room string) error {
		if effect, err := s.Performed(); err == nil {
			return fmt.Errorf("one more side effect was performed: %s", effect)
		}
		record, err := brokers[0].Load(t.Context(), broker.Key{Namespace: consult.Integration.Name, Room: room}, true)
		if err == nil && (record.Value != nil || len(record.Members) > 0) {
			err = fmt.Errorf("the broker still has the room: value %s, members %v", record.Value, record.Members)
		}
		return err
	}
	return s
}
