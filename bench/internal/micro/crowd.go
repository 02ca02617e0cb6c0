package micro

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/spinneyio/est/bench/internal/wire"
	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport"
)

// Crowd is an instance on the embedded broker with connections that have no network
// under them.
type Crowd struct {
	instance *instance.Instance[guest, count]
	broker   *weighed
	clients  []*client
	message  []byte
}

type guest struct {
	Name string `json:"name"`
	Room string `json:"room"`
}

type count struct {
	Said int `json:"said"`
}

type outcome = core.Outcome[guest, count]

// A message that begins so is told to all, any other one is answered.
const toAll = `"all`

func integration() core.Integration[guest, count] {
	return core.Integration[guest, count]{
		Name: "crowd",
		Authenticate: func(_ core.Conn, hello core.Message) (g guest, f *core.Failure) {
			if hello.Decode(&g) != nil {
				return g, &core.Failure{Code: 1}
			}
			return g, nil
		},
		Identity: func(_ core.Conn, g guest) string { return g.Name },
		Room:     func(_ core.Conn, g guest) string { return g.Room },
		Join:     func(core.Conn, guest, count) outcome { return outcome{Reply: "welcome"} },
		Receive: func(_ core.Conn, _ guest, c count, m core.Message) outcome {
			if len(m) > len(toAll) && string(m[:len(toAll)]) == toAll {
				return outcome{Publish: []core.Publication{core.ToAll(m)}}
			}
			c.Said++
			return outcome{Room: core.Put(c), Reply: m}
		},
		Leave: func(core.Conn, guest, count) outcome { return outcome{} },
	}
}

// client is a transport's end of a connection. It counts what it gets.
type client struct {
	session transport.Session
	got     chan int // of each Write
}

func (c *client) Write(messages [][]byte) error {
	c.got <- len(messages)
	return nil
}

func (*client) Close(core.CloseCode, string) {}

func (c *client) wait(n int) {
	for n > 0 {
		n -= <-c.got
	}
}

// NewCrowd lets n connections in: connection i joins the room that room names.
func NewCrowd(n int, room func(i int) string) *Crowd {
	b := &weighed{Broker: memory.New(nil)}
	in, err := instance.New(integration(), b, &instance.Options{Rate: -1})
	if err != nil {
		panic(err)
	}
	c := &Crowd{instance: in, broker: b, message: wire.New(1, wire.Key(1))}
	for i := range n {
		c.Join(room(i))
	}
	return c
}

// Join lets one more connection in.
func (c *Crowd) Join(room string) {
	one := &client{got: make(chan int, 64)}
	session, err := c.instance.Accept(one, core.Handshake{})
	if err != nil {
		panic(err)
	}
	one.session = session
	c.clients = append(c.clients, one)
	session.Receive(fmt.Appendf(nil, `{"name":"n%d","room":%q}`, len(c.clients), room))
	one.wait(1)
}

// Talk has the first m connections take turns at sending a message that changes
// their room's state and is answered.
func (c *Crowd) Talk(m int) func(n int) {
	return func(n int) {
		for i := range n {
			one := c.clients[i%m]
			one.session.Receive(c.message)
			one.wait(1)
		}
	}
}

// Tell has the first connection send messages to all others of its room, of which
// there are m, and waits until they have them. It counts deliveries.
func (c *Crowd) Tell(m int) func(n int) {
	message := fmt.Appendf(nil, `%s %0120d"`, toAll, 0)
	return func(n int) {
		for range max(1, n/m) {
			c.clients[0].session.Receive(message)
			for _, one := range c.clients[1 : m+1] {
				one.wait(1)
			}
		}
	}
}

// JoinWeight is how many bytes one more join into a room sends to the broker.
func (c *Crowd) JoinWeight(room string) int64 {
	before := c.broker.bytes.Load()
	c.Join(room)
	return c.broker.bytes.Load() - before
}

// End ends it, and returns when nothing of it runs any more.
func (c *Crowd) End() {
	for _, one := range c.clients {
		one.session.Closed(core.CloseNormal, "")
	}
	if err := c.instance.Shutdown(context.Background()); err != nil {
		panic(err)
	}
}

// weighed counts what is committed to rooms.
type weighed struct {
	broker.Broker
	bytes atomic.Int64
}

func (b *weighed) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if key.Namespace == "crowd" {
		n := len(c.Value.Value)
		for _, m := range c.Members {
			n += len(m.ID) + len(m.Data)
		}
		for _, m := range c.Messages {
			n += len(m)
		}
		b.bytes.Add(int64(n))
	}
	return b.Broker.Commit(ctx, key, c)
}
