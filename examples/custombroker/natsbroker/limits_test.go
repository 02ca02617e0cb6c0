package natsbroker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
)

// TestLimits tries what the suite can't know of: the limits of a record as a whole,
// and of a batch. Over them nothing is sent, so that nothing is changed.
func TestLimits(t *testing.T) {
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
	quarter := make([]byte, (1<<20-1<<10)/4)
	members := func(n int) (list []broker.MemberChange) {
		for i := range n {
			list = append(list, broker.MemberChange{Op: broker.Add, ID: fmt.Sprint(i), Data: quarter})
		}
		return list
	}
	quarters := func(n int) (list [][]byte) {
		for range n {
			list = append(list, quarter)
		}
		return list
	}
	for _, test := range []struct {
		name   string
		commit broker.Commit
		over   bool
	}{
		{"a record at the limit", broker.Commit{Members: members(3)}, false},
		{"a record over it", broker.Commit{Members: members(4)}, true},
		{"999 messages", broker.Commit{Messages: make([][]byte, 999)}, false},
		{"1,000 messages", broker.Commit{Messages: make([][]byte, 1000)}, true},
		{"16 MiB of messages", broker.Commit{Messages: quarters(64)}, false},
		{"more", broker.Commit{Messages: quarters(65)}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := broker.Key{Namespace: "limits", Room: test.name}
			test.commit.ID = broker.CommitID{Writer: "writer", N: 1}
			receipt, err := b.Commit(t.Context(), key, test.commit)
			if errors.Is(err, broker.ErrTooLarge) != test.over || err != nil && !test.over {
				t.Errorf("error %v, want too large: %t", err, test.over)
			}
			record, err := b.Load(t.Context(), key, true)
			if err != nil {
				t.Fatal(err)
			}
			if record.At != receipt.At || len(record.Members) > 0 != (test.commit.Members != nil && !test.over) {
				t.Errorf("the record is at %v with %d members, after the receipt %v", record.At, len(record.Members), receipt)
			}
		})
	}
}
