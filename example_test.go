package est_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/esttest"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/redis"
	"github.com/spinneyio/est/transport/gws"
	"github.com/spinneyio/est/transport/pipe"
)

// Guest is what we keep for a connection, Room what the connections share.
type Guest struct{ Name, Room string }
type Room struct{ Said int }

type outcome = core.Outcome[Guest, Room]

var chat = core.Integration[Guest, Room]{
	Name: "chat",
	Authenticate: func(_ core.Conn, hello core.Message) (g Guest, f *core.Failure) {
		if err := hello.Decode(&g); err != nil || g.Name == "" || g.Room == "" {
			return g, &core.Failure{Code: 1, Errors: map[string]string{"auth": "say your Name and the Room"}}
		}
		return g, nil
	},
	Identity: func(_ core.Conn, g Guest) string { return g.Name },
	Room:     func(_ core.Conn, g Guest) string { return g.Room },
	Join: func(_ core.Conn, g Guest, r Room) outcome {
		return outcome{Reply: r, Publish: []core.Publication{core.ToAll(g.Name + " came")}}
	},
	Receive: receive,
	Leave: func(_ core.Conn, g Guest, _ Room) outcome {
		return outcome{Publish: []core.Publication{core.ToAll(g.Name + " left")}}
	},
}

// receive counts what was said, and tells it to the others.
func receive(_ core.Conn, g Guest, r Room, msg core.Message) outcome {
	r.Said++
	return outcome{
		Room:    core.Put(r),
		Reply:   r,
		Publish: []core.Publication{core.ToAll(map[string]any{"from": g.Name, "text": msg})},
	}
}

func Example_server() {
	i, err := instance.New(chat, memory.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/chat", gws.Handler(i, nil))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func Example_redis() {
	client := goredis.NewClient(&goredis.Options{Addr: "localhost:6379"})
	b, err := redis.New(client, &redis.Options{Prefix: "chat"})
	if err != nil {
		log.Fatal(err)
	}
	i, err := instance.New(chat, b, nil)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/chat", gws.Handler(i, nil))
}

// store stands for a store of your own.
var store = memory.New(nil)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Harness{
		Open: func() (broker.Broker, error) { return store.Open(), nil },
	})
}

func TestReceive(t *testing.T) {
	got := receive(core.Conn{}, Guest{Name: "ann"}, Room{Said: 6}, core.Message(`"hi"`))
	want := core.Put(Room{Said: 7})
	if diff := cmp.Diff(want, got.Room); diff != "" {
		t.Error(diff)
	}
}

func TestChat(t *testing.T) {
	esttest.Check(t, chat, esttest.Model[Guest, Room]{
		Client: func(c esttest.ClientView) *rapid.Generator[any] {
			if c.Sent() == 0 {
				return rapid.Just[any](Guest{Name: []string{"ann", "bob", "eve", "joe"}[c.Index()], Room: "kitchen"})
			}
			return rapid.SampledFrom([]any{"hello", "how are you?"})
		},
	}, nil)
}

func Example() {
	ctx := context.Background()
	broker := memory.New(nil)
	here, err := instance.New(chat, broker, nil)
	if err != nil {
		log.Fatal(err)
	}
	there, err := instance.New(chat, broker, nil) // another instance, another machine perhaps
	if err != nil {
		log.Fatal(err)
	}

	ann, bob := dial(here), dial(there)
	say(ann, Guest{"ann", "kitchen"})
	hear("ann", ann)
	say(bob, Guest{"bob", "kitchen"})
	hear("bob", bob)
	hear("ann", ann)
	say(bob, "hello")
	hear("bob", bob)
	hear("ann", ann)

	if err := errors.Join(here.Shutdown(ctx), there.Shutdown(ctx)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ann hears {"Said":0}
	// bob hears {"Said":0}
	// ann hears "bob came"
	// bob hears {"Said":1}
	// ann hears {"from":"bob","text":"hello"}
}

func dial(i *instance.Instance[Guest, Room]) *pipe.Client {
	c, err := pipe.Dial(i, nil)
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func say(c *pipe.Client, v any) {
	if err := c.Send(context.Background(), v); err != nil {
		log.Fatal(err)
	}
}

func hear(who string, c *pipe.Client) {
	m, err := c.Receive(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(who, "hears", m)
}
