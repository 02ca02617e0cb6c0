package memory_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

// joined returns a broker with members in room.
func joined(b *testing.B, members int) *memory.Broker {
	m := memory.New(nil)
	c := broker.Commit{ID: id("joined", 1)}
	for i := range members {
		c.Members = append(c.Members, broker.MemberChange{Op: broker.Add, ID: fmt.Sprintf("%04d", i), Data: []byte("data")})
	}
	commit(b, m, room, c)
	return m
}

// One Require, a Put and no message: what most transitions are.
func BenchmarkCommit(b *testing.B) {
	for _, members := range []int{1, 10_000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			m := joined(b, members)
			value, changes := []byte("value"), []broker.MemberChange{{Op: broker.Require, ID: "0000"}}
			b.ReportAllocs()
			for n := uint64(1); b.Loop(); n++ {
				commit(b, m, room, broker.Commit{ID: id("writer", n), Value: broker.Change{Op: broker.Put, Value: value}, Members: changes})
			}
		})
	}
}

// The same in a room for each goroutine.
func BenchmarkCommitParallel(b *testing.B) {
	m := memory.New(nil)
	var rooms atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		key := broker.Key{Namespace: "test", Room: fmt.Sprint(rooms.Add(1))}
		commit(b, m, key, broker.Commit{ID: id("joined", 1), Members: []broker.MemberChange{{Op: broker.Add, ID: "x"}}})
		value, changes := []byte("value"), []broker.MemberChange{{Op: broker.Require, ID: "x"}}
		for n := uint64(1); pb.Next(); n++ {
			commit(b, m, key, broker.Commit{ID: id("writer", n), Value: broker.Change{Op: broker.Put, Value: value}, Members: changes})
		}
	})
}

// A member's data replaced, among many.
func BenchmarkCommitReplace(b *testing.B) {
	for _, members := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			m := joined(b, members)
			changes := []broker.MemberChange{{Op: broker.Replace, ID: "0000", Data: []byte("data")}}
			b.ReportAllocs()
			for n := uint64(1); b.Loop(); n++ {
				commit(b, m, room, broker.Commit{ID: id("writer", n), Members: changes})
			}
		})
	}
}

// One Require, a Put and a message, until all subscribers have got it.
func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{1, 100} {
		b.Run(fmt.Sprint("subscribers=", subscribers), func(b *testing.B) {
			m := joined(b, 1)
			var delivered sync.WaitGroup
			h := broker.Handler{
				Message: func(broker.Message) { delivered.Done() },
				Gap:     func(reason error) { b.Error(reason) },
			}
			for range subscribers {
				if _, err := m.Subscribe(b.Context(), room, h); err != nil {
					b.Fatal(err)
				}
			}
			value, changes, messages := []byte("value"), []broker.MemberChange{{Op: broker.Require, ID: "0000"}}, [][]byte{[]byte("message")}
			b.ReportAllocs()
			for n := uint64(1); b.Loop(); n++ {
				delivered.Add(subscribers)
				commit(b, m, room, broker.Commit{ID: id("writer", n), Value: broker.Change{Op: broker.Put, Value: value}, Members: changes, Messages: messages})
				delivered.Wait()
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	m := joined(b, 100)
	for _, members := range []bool{false, true} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Load(b.Context(), room, members); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	m := memory.New(nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := broker.Key{Namespace: "test", Room: fmt.Sprint(i % 1000)}
		err := broker.Update(b.Context(), m, key, func(old []byte, retried bool) (broker.Change, error) {
			return broker.Change{Op: broker.Put, Value: []byte("value")}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
