package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

// State and messages go in one commit, and arrive in the order of the commits.
func Example() {
	ctx := context.Background()
	b := memory.New(nil)
	key := broker.Key{Namespace: "chat", Room: "lobby"}

	done := make(chan struct{})
	_, err := b.Subscribe(ctx, key, broker.Handler{
		Message: func(m broker.Message) {
			fmt.Printf("%d %s\n", m.At.Seq, m.Body)
			if m.At.Seq == 3 {
				close(done)
			}
		},
		Gap: func(reason error) { fmt.Println("messages may be missing:", reason) },
	})
	if err != nil {
		fmt.Println(err)
	}

	_, err = b.Commit(ctx, key, broker.Commit{
		ID:       broker.CommitID{Writer: "a random writer", N: 1},
		Value:    broker.Change{Op: broker.Put, Value: []byte("open")},
		Messages: [][]byte{[]byte("the lobby is open"), []byte("come in")},
	})
	if err != nil {
		fmt.Println(err)
	}
	if err := broker.Publish(ctx, b, key, []byte("hello")); err != nil {
		fmt.Println(err)
	}
	<-done
	fmt.Println(b.Close(ctx))
	// Output:
	// 1 the lobby is open
	// 2 come in
	// 3 hello
	// <nil>
}

// A test of what several instances do gives each a handle of its own. One stops,
// and the other goes on with what both have written.
func ExampleBroker_Open() {
	ctx := context.Background()
	one := memory.New(nil)
	two := one.Open()
	key := broker.Key{Namespace: "chat", Room: "lobby"}

	err := broker.Update(ctx, one, key, func(old []byte, retried bool) (broker.Change, error) {
		return broker.Change{Op: broker.Put, Value: []byte("open")}, nil
	})
	fmt.Println(err, one.Close(ctx))

	_, err = one.Load(ctx, key, false)
	fmt.Println(errors.Is(err, broker.ErrClosed))
	record, err := two.Load(ctx, key, false)
	fmt.Println(string(record.Value), err)
	fmt.Println(two.Close(ctx))
	// Output:
	// <nil> <nil>
	// true
	// open <nil>
	// <nil>
}

// A test of an update function lets the first attempt of each update lose, so
// that the function must bear to be called again.
func ExampleOptions_conflicts() {
	ctx := context.Background()
	b := memory.New(&memory.Options{
		Conflicts: func(_ broker.Key, c broker.Commit) bool { return c.ID.N == 1 },
	})
	defer b.Close(ctx)
	err := broker.Update(ctx, b, broker.Key{Room: "counter"}, func(old []byte, retried bool) (broker.Change, error) {
		fmt.Println("retried:", retried)
		return broker.Change{Op: broker.Put, Value: append([]byte("x"), old...)}, nil
	})
	fmt.Println(err)
	// Output:
	// retried: false
	// retried: true
	// <nil>
}
