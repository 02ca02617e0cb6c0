package consult

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/examples/consult/scenario"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport/pipe"
)

// TestScenario plays each scene inside a synctest bubble: so that nothing more
// comes is not a matter of waiting long enough, but certain.
func TestScenario(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("instances=%d", n), func(t *testing.T) {
			for _, scene := range scenario.Scenes() {
				t.Run(scene.Title, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { scene.Play(t, stage(t, n)) })
				})
			}
		})
	}
}

// stage is a cluster of n instances in this process.
func stage(t *testing.T, n int) scenario.Stage {
	b := memory.New(nil)
	effects := make(chan string, 16)
	instances := make([]*instance.Instance[Data, Room], n)
	for i := range instances {
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
		if err := b.Close(ctx); err != nil {
			t.Error(err)
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
			c, err := pipe.Dial(instances[number%n], nil)
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
			record, err := b.Load(t.Context(), broker.Key{Namespace: Integration.Name, Room: room}, true)
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
