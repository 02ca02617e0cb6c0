package consult

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/examples/consult/scenario"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/redis"
	"github.com/spinneyio/est/transport/pipe"
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

// stage is a cluster in this process: an instance on each of the brokers.
func stage(t *testing.T, brokers []broker.Broker) scenario.Stage {
	effects := make(chan string, 16)
	instances := make([]*instance.Instance[Data, Room], len(brokers))
	for i, b := range brokers {
		var err error
		instances[i], err = instance.New(Integration, b, &instance.Options{
			Logger:  slog.New(slog.DiscardHandler),
			OnError: func(err error, what string) { t.Errorf("the instance reported %s: %v", what, err) },
			Perform: func(_ context.Context, _ core.ConnID, effect any) (any, error) {
				text, err := json.Marshal(effect)
				effects <- string(text)
				return nil, err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, i := range instances {
			if err := i.Shutdown(ctx); err != nil {
				t.Error(err)
			}
		}
		for _, b := range brokers {
			if err := b.Close(ctx); err != nil {
				t.Error(err)
			}
		}
	})

	performed := func() (string, error) {
		synctest.Wait()
		select {
		case effect := <-effects:
			return effect, nil
		default:
			return "", errors.New("no side effect was performed")
		}
	}
	return scenario.Stage{
		Dial: func(number int) (scenario.Client, error) {
			c, err := pipe.Dial(instances[number%len(instances)], nil)
			return client{t, c}, err
		},
		Performed: performed,
		Quiet: func(c scenario.Client) error {
			if got, err := c.Receive(); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("a client got more: message %s, error %w", got, err)
			}
			return nil
		},
		Gone: func(room string) error {
			if effect, err := performed(); err == nil {
				return fmt.Errorf("one more side effect was performed: %s", effect)
			}
			record, err := brokers[0].Load(t.Context(), broker.Key{Namespace: Integration.Name, Room: room}, true)
			if err == nil && (record.Value != nil || len(record.Members) > 0) {
				err = fmt.Errorf("the broker still has the room: value %s, members %v", record.Value, record.Members)
			}
			return err
		},
	}
}

type client struct {
	t    *testing.T
	pipe *pipe.Client
}

func (c client) Send(message string) error { return c.pipe.Send(c.t.Context(), core.Message(message)) }

// Receive receives once everything that is to come has come. The millisecond is
// one of the bubble's: nobody waits for it.
func (c client) Receive() (string, error) {
	synctest.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	message, err := c.pipe.Receive(ctx)
	if end, ok := errors.AsType[*pipe.CloseError](err); ok {
		err = scenario.Closed(end.Code)
	}
	return message.String(), err
}

func (c client) Leave() error { return c.pipe.Close() }

func (c client) Break() error {
	c.pipe.Abort()
	return nil
}
