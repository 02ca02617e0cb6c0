package redis_test

import (
	"context"
	"crypto/rand"
	"net"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
)

// patience is for how long a test waits for what must come, before it fails.
const patience = 20 * time.Second

// heard is one call of a handler.
type heard struct {
	message broker.Message
	gap     error
}

// listener hears a room.
type listener struct {
	broker.Subscription
	heard chan heard
}

func listen(t testing.TB, b broker.Broker, key broker.Key) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l := &listener{heard: make(chan heard, 10_000)}
	var err error
	if l.Subscription, err = b.Subscribe(ctx, key, l.handler()); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *listener) handler() broker.Handler {
	return broker.Handler{
		Message: func(m broker.Message) { l.heard <- heard{message: m} },
		Gap:     func(reason error) { l.heard <- heard{gap: reason} },
	}
}

func (l *listener) next(t testing.TB) heard {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case h := <-l.heard:
		return h
	case <-timer.C:
		t.Fatal("nothing more is heard")
		return heard{}
	}
}

// message expects one with that body, and nothing before it.
func (l *listener) message(t testing.TB, body string) broker.Message {
	t.Helper()
	h := l.next(t)
	if h.gap != nil || string(h.message.Body) != body {
		t.Fatalf("heard %q, gap %v; want %q", h.message.Body, h.gap, body)
	}
	return h.message
}

// publish expects messages to be committed, in as many attempts as it takes.
func publish(t testing.TB, b broker.Broker, key broker.Key, bodies ...string) {
	t.Helper()
	var messages [][]byte
	for _, body := range bodies {
		messages = append(messages, []byte(body))
	}
	settle(t, b, key, broker.Commit{ID: id(), Messages: messages})
}

func settle(t testing.TB, b broker.Broker, key broker.Key, c broker.Commit) broker.Receipt {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := broker.Settle(ctx, b, key, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// id is that of a writer's first commit.
func id() broker.CommitID { return broker.CommitID{Writer: rand.Text(), N: 1} }

func put(value string) broker.Change {
	return broker.Change{Op: broker.Put, Value: []byte(value)}
}

// roomOf is a room of a test's own.
func roomOf(t testing.TB) broker.Key { return broker.Key{Namespace: t.Name(), Room: rand.Text()} }

// recordOf and topicOf are what doc.go says; of names without special bytes.
func recordOf(key broker.Key) string {
	return small.Prefix + ":r:{" + key.Namespace + ":" + key.Room + "}"
}

func topicOf(key broker.Key) string {
	return small.Prefix + ":c:{" + key.Namespace + ":" + key.Room + "}"
}

func portOf(s *redistest.Server) string {
	_, port, _ := net.SplitHostPort(s.Addr()) // it is well-formed
	return port
}

func closing(t testing.TB, h *handle) {
	t.Helper()
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
