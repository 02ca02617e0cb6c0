package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/examples/consult/consult"
	"github.com/spinneyio/est/transport/pipe"
)

// Cluster is a stage in this process: an instance of consult on each of the
// brokers, of which there is at least one, and clients that are connected without a
// network. No step takes longer than patience; in a bubble of testing/synctest a
// millisecond is enough. At the end of t the instances are shut down, and then the
// brokers are closed. Whatever an instance reports fails t.
//
// Quiet and Gone are nil.
func Cluster(t testing.TB, brokers []broker.Broker, patience time.Duration) Stage {
	t.Helper()
	effects := make(chan string, 64)
	instances := make([]*instance.Instance[consult.Data, consult.Room], len(brokers))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var errs []error
		for _, i := range instances {
			if i != nil {
				errs = append(errs, i.Shutdown(ctx))
			}
		}
		for _, b := range brokers {
			errs = append(errs, b.Close(ctx))
		}
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	})
	for n, b := range brokers {
		var err error
		instances[n], err = instance.New(consult.Integration, b, &instance.Options{
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
	return Stage{
		Dial: func(number int) (Client, error) {
			c, err := pipe.Dial(instances[number%len(instances)], nil)
			return piped{c, patience}, err
		},
		Performed: func() (string, error) {
			select {
			case effect := <-effects:
				return effect, nil
			case <-time.After(patience):
				return "", errors.New("scenario: no side effect was performed")
			}
		},
	}
}

// piped is a client of a Cluster.
type piped struct {
	pipe     *pipe.Client
	patience time.Duration
}

func (c piped) Send(message string) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	return c.pipe.Send(ctx, core.Message(message))
}

func (c piped) Receive() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	message, err := c.pipe.Receive(ctx)
	if end, ok := errors.AsType[*pipe.CloseError](err); ok {
		err = Closed(end.Code)
	}
	return message.String(), err
}

func (c piped) Leave() error { return c.pipe.Close() }

func (c piped) Break() error {
	c.pipe.Abort()
	return nil
}
