package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport/pipe"
)

//go:embed testdata/scenario.txt
var scenario string

func TestScenario(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("instances=%d", n), func(t *testing.T) {
			for scene := range strings.SplitSeq(scenario, "\n== ") {
				title, lines, _ := strings.Cut(scene, "\n")
				if strings.HasPrefix(title, "#") {
					continue // what comes before the first scene
				}
				t.Run(title, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { perform(t, n, lines) })
				})
			}
		})
	}
}

// perform plays a scene on n instances, inside a synctest bubble: so that nothing
// more comes is not a matter of waiting long enough, but certain.
func perform(t *testing.T, n int, lines string) {
	s := newStage(t, n)
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		t.Log(line)
		switch who, what, _ := strings.Cut(line, " "); who {
		case "performed":
			s.performed(what)
		case "gone":
			s.gone(what)
		default:
			verb, rest, _ := strings.Cut(what, " ")
			s.act(who, verb, rest)
		}
	}
}

// stage is a cluster in this process with its clients.
type stage struct {
	t         *testing.T
	broker    broker.Broker
	instances []*instance.Instance[Data, Room]
	clients   map[string]*pipe.Client
	ids       map[string]string // what stands in the scene for a connection id, and the id
	effects   chan string
}

func newStage(t *testing.T, n int) *stage {
	s := &stage{
		t:       t,
		broker:  memory.New(nil),
		clients: map[string]*pipe.Client{},
		ids:     map[string]string{},
		effects: make(chan string, 16),
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, i := range s.instances {
			if err := i.Shutdown(ctx); err != nil {
				t.Error(err)
			}
		}
		if err := s.broker.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	for range n {
		i, err := instance.New(Integration, s.broker, &instance.Options{
			Logger:  slog.New(slog.DiscardHandler),
			OnError: func(err error, what string) { t.Errorf("the instance reported %s: %v", what, err) },
			Perform: func(_ context.Context, _ core.ConnID, effect any) (any, error) {
				text, err := json.Marshal(effect)
				s.effects <- string(text)
				return nil, err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.instances = append(s.instances, i)
	}
	return s
}

func (s *stage) act(who, verb, rest string) {
	s.t.Helper()
	name, at, _ := strings.Cut(who, "@")
	client := s.clients[name]
	switch verb {
	case "connects":
		number := int(at[0] - '1')
		client, err := pipe.Dial(s.instances[number%len(s.instances)], nil)
		if err != nil {
			s.t.Fatal(err)
		}
		s.clients[name] = client
	case ">":
		if err := client.Send(s.t.Context(), core.Message(rest)); err != nil {
			s.t.Fatalf("%s could not send: %v", name, err)
		}
	case "<":
		got, err := next(client)
		if err != nil {
			s.t.Fatalf("%s got nothing: %v", name, err)
		}
		if diff := cmp.Diff(decode(s.t, rest), s.named(name, decode(s.t, got.String()))); diff != "" {
			s.t.Fatalf("%s got something else (-want +got):\n%s", name, diff)
		}
	case "closed":
		got, err := next(client)
		var end *pipe.CloseError
		if !errors.As(err, &end) || fmt.Sprint(uint16(end.Code)) != rest {
			s.t.Fatalf("%s was not closed with %s: message %s, error %v", name, rest, got, err)
		}
		delete(s.clients, name)
	case "leaves", "breaks":
		s.quiet(name)
		if verb == "breaks" {
			client.Abort()
		} else if err := client.Close(); err != nil {
			s.t.Fatal(err)
		}
		delete(s.clients, name)
	default:
		s.t.Fatalf("nobody knows how to %q", verb)
	}
}

// quiet fails if there is anything left that a client was told.
func (s *stage) quiet(name string) {
	s.t.Helper()
	if got, err := next(s.clients[name]); !errors.Is(err, context.DeadlineExceeded) {
		s.t.Fatalf("%s got more: message %s, error %v", name, got, err)
	}
}

func (s *stage) performed(want string) {
	s.t.Helper()
	synctest.Wait()
	select {
	case got := <-s.effects:
		if got != want {
			s.t.Fatalf("the side effect %s was performed, want %s", got, want)
		}
	default:
		s.t.Fatalf("no side effect was performed, want %s", want)
	}
}

// gone ends a scene: nobody is left, nothing is stored, nothing more happened.
func (s *stage) gone(room string) {
	s.t.Helper()
	for name := range s.clients {
		s.quiet(name)
	}
	synctest.Wait()
	record, err := s.broker.Load(s.t.Context(), broker.Key{Namespace: Integration.Name, Room: room}, true)
	if err != nil {
		s.t.Fatal(err)
	}
	if record.Value != nil || len(record.Members) > 0 {
		s.t.Fatalf("the broker still has the room: value %s, members %v", record.Value, record.Members)
	}
	select {
	case effect := <-s.effects:
		s.t.Fatalf("one more side effect was performed: %s", effect)
	default:
	}
}

// named replaces the connection ids in v, a decoded message to name, by what the
// scene calls them. An id that is new is that of the client that is told of it.
func (s *stage) named(name string, v any) any {
	fields, _ := v.(map[string]any)
	for key, value := range fields {
		id, ok := value.(string)
		if !ok || key != "conn" {
			fields[key] = s.named(name, value)
			continue
		}
		if s.ids[id] == "" {
			s.ids[id] = "<" + name + ">"
		}
		fields[key] = s.ids[id]
	}
	return v
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// next is what the client is told next, once everything that is to come has come.
// The millisecond is one of the bubble's: nobody waits for it.
func next(client *pipe.Client) (core.Message, error) {
	synctest.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return client.Receive(ctx)
}
