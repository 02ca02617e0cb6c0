package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/examples/consult/consult"
	"github.com/spinneyio/est/examples/consult/scenario"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
	"github.com/spinneyio/est/examples/custombroker/natsserver"
	"github.com/spinneyio/est/transport/pipe"
)

// patience is how long one step of a test may take. Steps take milliseconds: the
// end is only there so that a broken test fails instead of hanging.
const patience = 20 * time.Second

// TestScenario plays what consult must do across two instances, each with its own
// connection to the server.
func TestScenario(t *testing.T) {
	server, err := natsserver.Start(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	effects := make(chan string, 1024)
	instances := []*instance.Instance[consult.Data, consult.Room]{
		start(t, server, effects),
		start(t, server, effects),
	}
	stage := scenario.Stage{
		Dial: func(number int) (scenario.Client, error) {
			c, err := pipe.Dial(instances[number], nil)
			return client{c}, err
		},
		Performed: func() (string, error) {
			select {
			case effect := <-effects:
				return effect, nil
			case <-time.After(patience):
				return "", errors.New("no side effect was performed")
			}
		},
	}
	for _, scene := range scenario.Scenes() {
		t.Run(scene.Title, func(t *testing.T) { scene.Play(t, stage) })
	}
}

// start runs an instance with a handle of its own.
func start(t *testing.T, server *server.Server, effects chan<- string) *instance.Instance[consult.Data, consult.Room] {
	t.Helper()
	var b broker.Broker
	b, err := natsbroker.New(server.ClientURL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := instance.New(consult.Integration, b, &instance.Options{
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
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(i.Shutdown(ctx), b.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return i
}

type client struct{ pipe *pipe.Client }

func (c client) Send(message string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.pipe.Send(ctx, core.Message(message))
}

func (c client) Receive() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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

// TestServe looks at what the program serves, and stops it.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, "127.0.0.1:0", out, slog.New(slog.DiscardHandler))
		out.Close()
	}()
	lines := bufio.NewScanner(stdout)
	for n := range 2 {
		if !lines.Scan() {
			t.Fatalf("line %d is missing: %v", n+1, <-ended)
		}
		_, url, _ := strings.Cut(lines.Text(), " on ")
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(body), "<title>Consult</title>") {
			t.Errorf("%s serves %.200q, error %v", url, body, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
