package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

// A store of one's own wraps Apply in whatever makes a read and a write atomic.
// Here that is a lock; a row of SQL keeps what [State.AppendTo] writes, and a
// subscription is told what the position has moved over.
func ExampleApply() {
	var row struct {
		sync.Mutex
		bytes []byte
	}
	row.bytes = broker.State{}.AppendTo(nil)

	commit := func(c broker.Commit) (broker.Receipt, error) {
		row.Lock() // SELECT … FOR UPDATE
		defer row.Unlock()
		state, err := broker.ParseState(row.bytes)
		if err != nil {
			return broker.Receipt{}, err
		}
		next, receipt, err := broker.Apply(state, c)
		if err != nil {
			return broker.Receipt{}, err
		}
		row.bytes = next.AppendTo(nil)
		before := state.Record(false).At.Seq
		for i := range next.Record(false).At.Seq - before {
			fmt.Printf("  message %d: %s\n", before+i+1, c.Messages[i])
		}
		return receipt, nil
	}

	hello := broker.Commit{
		ID:       broker.CommitID{Writer: "ann", N: 1},
		Value:    broker.Change{Op: broker.Put, Value: []byte("open")},
		Members:  []broker.MemberChange{{Op: broker.Add, ID: "ann"}},
		Messages: [][]byte{[]byte("ann is here"), []byte("the room is open")},
	}
	fmt.Println(commit(hello))
	fmt.Println(commit(hello)) // the reply was lost, say

	never := broker.Version("")
	_, err := commit(broker.Commit{
		ID:      broker.CommitID{Writer: "bob", N: 1},
		Expect:  &never,
		Members: []broker.MemberChange{{Op: broker.Require, ID: "bob"}},
	})
	conflict, _ := errors.AsType[*broker.Conflict](err)
	fmt.Printf("%s, %q is gone\n", conflict.Record.Value, conflict.Gone)
	// Output:
	//   message 1: ann is here
	//   message 2: the room is open
	// {ann-1 {ann-1 2}} <nil>
	// {ann-1 {ann-1 2}} <nil>
	// open, ["bob"] is gone
}

// Update is a read, a decision and a compare-and-swap, until nobody else comes
// between.
func ExampleUpdate() {
	ctx := context.Background()
	b := memory.New(nil)
	defer b.Close(ctx)
	key := broker.Key{Namespace: "shop", Room: "visitors"}

	count := func(old []byte, retried bool) (broker.Change, error) {
		if old == nil {
			old = []byte("0")
		}
		n, err := strconv.Atoi(string(old))
		if err != nil {
			return broker.Change{}, err
		}
		return broker.Change{Op: broker.Put, Value: []byte(strconv.Itoa(n + 1))}, nil
	}
	for range 3 {
		if err := broker.Update(ctx, b, key, count); err != nil {
			fmt.Println(err)
		}
	}
	record, err := b.Load(ctx, key, false)
	fmt.Println(string(record.Value), err)
	// Output: 3 <nil>
}
