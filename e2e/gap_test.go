package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
	"github.com/spinneyio/est/transport/gws"
)

// TestLosses loses a message between Redis and a client in each way that there is. The
// client is told to look anew (Resync), or closed with a code that says: come back.
func TestLosses(t *testing.T) {
	for name, loss := range map[string]struct {
		do     func(l *listener)
		closes bool // also where there is a Resync
	}{
		"the subscriber is cut off":  {do: (*listener).cutOff},
		"a queue overflows":          {do: (*listener).overflow},
		"the store goes back":        {do: (*listener).goBack, closes: true},
		"the store forgets a join":   {do: (*listener).forget, closes: true},
		"the store comes back empty": {do: (*listener).empty, closes: true},
	} {
		for _, resync := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, Resync %t", name, resync), func(t *testing.T) {
				l := listen(t, resync)
				l.publish("1")
				l.client.expect(`"1"`)
				loss.do(l)
				if resync && !loss.closes {
					l.client.expect(`"look anew"`)
				} else {
					if _, code := l.client.hear(); code != core.CloseComeBack {
						t.Errorf("closed with %d", code)
					}
					l.enter()
				}
				l.publish("after")
				l.client.expect(`"after"`)
			})
		}
	}
}

// hold is how many messages of a room may wait in an instance of these tests.
const hold = 3

// listener is an instance on a Redis that can be broken, and a client in its room.
type listener struct {
	*server
	t       *testing.T
	redis   *redistest.Server
	way     *redistest.Proxy // of the instance to it
	outside broker.Broker    // beside the proxy
	client  *client

	heard chan struct{} // one for each message that the instance gets
	busy  chan struct{} // what ends the Receive of "block"
}

func listen(t *testing.T, resync bool) *listener {
	t.Helper()
	l := &listener{t: t, redis: redistest.Start(t, nil), heard: make(chan struct{}, 100), busy: make(chan struct{})}
	l.way = redistest.NewProxy(t, l.redis.Addr())
	l.outside = l.broker(l.redis.Addr())
	in := echo
	in.Deliver = nil
	in.Receive = func(_ core.Conn, _ string, _ int, msg core.Message) core.Outcome[string, int] {
		if string(msg) == `"block"` {
			<-l.busy
		}
		return core.Outcome[string, int]{Reply: msg}
	}
	if resync {
		in.Resync = func(core.Conn, string, int) core.Outcome[string, int] {
			return core.Outcome[string, int]{Reply: "look anew"}
		}
	}
	i, err := instance.New(in, heeded{l.broker(l.way.Addr()), l.heard}, &instance.Options{Hold: hold, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	web := httptest.NewServer(gws.Handler(i, nil))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := i.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	l.server = &server{url: web.URL}
	l.enter()
	return l
}

func (l *listener) broker(addr string) broker.Broker {
	l.t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	b, err := redis.New(client, &redis.Options{Prefix: "losses"})
	must(l.t, err)
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(b.Close(ctx), client.Close()); err != nil {
			l.t.Error(err)
		}
	})
	return b
}

// enter joins as a new client.
func (l *listener) enter() {
	l.t.Helper()
	l.client = l.dial(l.t)
	l.client.text(hello)
	l.client.expect(welcome)
}

func (l *listener) publish(texts ...string) {
	l.t.Helper()
	for _, text := range texts {
		m, err := core.EncodePublication("", core.ToAll(text))
		must(l.t, err)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		must(l.t, broker.Publish(ctx, l.outside, broker.Key{Namespace: "echo", Room: "everyone"}, m))
	}
}

func (l *listener) cutOff() {
	release := l.way.Hold()
	l.publish("lost")
	release()
}

// overflow has more messages come than may wait, while the room is busy.
func (l *listener) overflow() {
	l.t.Helper()
	<-l.heard
	l.client.text(`"block"`)
	l.publish("a", "b", "c", "lost")
	for range 4 {
		select {
		case <-l.heard:
		case <-within(l.t).Done():
			l.t.Fatal("the instance gets no messages")
		}
	}
	close(l.busy)
	for _, want := range []string{`"block"`, `"a"`, `"b"`, `"c"`} {
		l.client.expect(want)
	}
}

func (l *listener) goBack() {
	rollback, err := l.redis.Snapshot()
	must(l.t, err)
	l.publish("2")
	l.client.expect(`"2"`)
	must(l.t, rollback())
}

// forget has the store go back to before a second client's join, by which nobody was
// told: no message shows it.
func (l *listener) forget() {
	rollback, err := l.redis.Snapshot()
	must(l.t, err)
	l.enter()
	must(l.t, rollback())
}

func (l *listener) empty() { must(l.t, l.redis.Restart(false)) }

// heeded is a broker that tells of each message, once the instance has it.
type heeded struct {
	broker.Broker
	heard chan<- struct{}
}

func (b heeded) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
	take := h.Message
	h.Message = func(m broker.Message) {
		take(m)
		b.heard <- struct{}{}
	}
	return b.Broker.Subscribe(ctx, key, h)
}
