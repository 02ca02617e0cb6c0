package natsbroker_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
)

// TestConsumerIsGone takes a subscription's consumer away, which the suite can't do:
// that is a gap, after which the subscription works again (rules 27 and 28).
func TestConsumerIsGone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // so that a broken broker doesn't hang
	defer cancel()
	store := newStore(t)
	b, err := store.open(&natsbroker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	heard := make(chan string, 16)
	key := broker.Key{Namespace: "consumer", Room: "gone"}
	_, err = b.Subscribe(ctx, key, broker.Handler{
		Message: func(m broker.Message) { heard <- string(m.Body) },
		Gap:     func(error) { heard <- "gap" },
	})
	if err != nil {
		t.Fatal(err)
	}
	hear := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("the handler got %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("the handler did not get %q", want)
		}
	}
	publish := func(body string) {
		t.Helper()
		if err := broker.Publish(ctx, b, key, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	publish("before")
	hear("before")

	admin, err := nats.Connect(store.url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	js, err := jetstream.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, "est")
	if err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for name := range stream.ConsumerNames(ctx).Name() {
		if err := stream.DeleteConsumer(ctx, name); err != nil {
			t.Fatal(err)
		}
		deleted++
	}
	if deleted != 1 {
		t.Fatalf("there were %d consumers, want one", deleted)
	}
	hear("gap")
	publish("after")
	hear("after")
}
