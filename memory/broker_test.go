package memory_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

var room = broker.Key{Namespace: "test", Room: "room"}

func id(writer string, n uint64) broker.CommitID { return broker.CommitID{Writer: writer, N: n} }

func put(v string) broker.Change { return broker.Change{Op: broker.Put, Value: []byte(v)} }

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func commit(t testing.TB, b broker.Broker, key broker.Key, c broker.Commit) broker.Receipt {
	t.Helper()
	receipt, err := b.Commit(t.Context(), key, c)
	if err != nil {
		t.Error(err)
	}
	return receipt
}

func load(t testing.TB, b broker.Broker, key broker.Key) broker.Record {
	t.Helper()
	record, err := b.Load(t.Context(), key, true)
	if err != nil {
		t.Error(err)
	}
	return record
}

func publish(t testing.TB, b broker.Broker, key broker.Key, bodies ...string) {
	t.Helper()
	var messages [][]byte
	for _, body := range bodies {
		messages = append(messages, []byte(body))
	}
	if err := broker.Publish(t.Context(), b, key, messages...); err != nil {
		t.Error(err)
	}
}

// Rule 1: keys that a careless store would take for one.
func TestKeysAreInjective(t *testing.T) {
	b := memory.New(nil)
	keys := []broker.Key{
		{}, {Namespace: "a.b", Room: "c"}, {Namespace: "a", Room: "b.c"}, {Namespace: "a/b", Room: "c"}, {Namespace: "a", Room: "b/c"},
		{Namespace: "a"}, {Room: "a"}, {Namespace: "a", Room: "*"}, {Namespace: "a", Room: "\x00"}, {Namespace: "a\x00"}, {Namespace: "a", Room: "\xff"},
	}
	for _, key := range keys {
		commit(t, b, key, broker.Commit{ID: id("a", 1), Value: put(fmt.Sprintf("%q", key))})
	}
	for _, key := range keys {
		want(t, "the value", string(load(t, b, key).Value), fmt.Sprintf("%q", key))
	}
}

func TestLimits(t *testing.T) {
	b := memory.New(&memory.Options{MaxValue: 4, MaxKey: 6})
	most, over := make([]byte, 4), make([]byte, 5)
	for _, test := range []struct {
		says    string // "": is applied
		key     broker.Key
		c       broker.Commit
		keyOnly bool
	}{
		{says: "", key: broker.Key{Namespace: "123", Room: "456"}, c: broker.Commit{
			ID: id("123456", 1), Value: broker.Change{Op: broker.Put, Value: most}, Messages: [][]byte{most, most},
			Members: []broker.MemberChange{{Op: broker.Add, ID: "123456", Data: most}},
		}},
		{says: "the key has 7 bytes", key: broker.Key{Namespace: "123", Room: "4567"}, c: broker.Commit{ID: id("a", 1)}, keyOnly: true},
		{says: "the key has 1048576 bytes", key: broker.Key{Room: strings.Repeat("x", 1<<20)}, c: broker.Commit{ID: id("a", 1)}, keyOnly: true},
		{says: "the writer has 7", c: broker.Commit{ID: id("1234567", 1)}},
		{says: "the value has 5", c: broker.Commit{ID: id("a", 1), Value: broker.Change{Op: broker.Put, Value: over}}},
		{says: "a message has 5", c: broker.Commit{ID: id("a", 1), Messages: [][]byte{most, over}}},
		{says: "a member's ID has 7", c: broker.Commit{ID: id("a", 1), Members: []broker.MemberChange{{Op: broker.Add, ID: "1234567"}}}},
		{says: "a member's data has 5", c: broker.Commit{ID: id("a", 1), Members: []broker.MemberChange{{Op: broker.Add, ID: "x", Data: over}}}},
	} {
		_, err := b.Commit(t.Context(), test.key, test.c)
		if test.says == "" {
			want(t, "at the limits", err, nil)
			continue
		}
		errs := []error{err}
		if test.keyOnly {
			_, err := b.Load(t.Context(), test.key, false)
			_, suberr := b.Subscribe(t.Context(), test.key, new(recorder).handler())
			errs = append(errs, err, suberr)
		}
		for _, err := range errs {
			if !errors.Is(err, broker.ErrTooLarge) || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 300 {
				t.Errorf("%v, want a short ErrTooLarge that says %q", err, test.says)
			}
		}
		if !test.keyOnly {
			want(t, "the position after "+test.says, load(t, b, test.key).At, broker.Position{})
		}
	}
}

// Rule 31: without effect.
func TestCancelledContext(t *testing.T) {
	b := memory.New(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, loadErr := b.Load(ctx, room, true)
	_, commitErr := b.Commit(ctx, room, broker.Commit{ID: id("a", 1), Value: put("v")})
	_, subscribeErr := b.Subscribe(ctx, room, broker.Handler{Message: func(broker.Message) { t.Error("a message") }, Gap: func(error) { t.Error("a gap") }})
	for _, err := range []error{loadErr, commitErr, subscribeErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
	}
	want(t, "the position", load(t, b, room).At, broker.Position{})
	publish(t, b, room, "nobody hears this")
	if err := b.Close(t.Context()); err != nil { // waits for handlers, if there are any
		t.Error(err)
	}
}

func TestForcedConflicts(t *testing.T) {
	var force atomic.Bool
	b := memory.New(&memory.Options{Conflicts: func(key broker.Key, c broker.Commit) bool {
		if key != room || c.Expect == nil {
			t.Errorf("asked about %v, %+v", key, c)
		}
		return force.Load()
	}})
	first := broker.Commit{ID: id("a", 1), Expect: new(broker.Version), Value: put("1")}
	receipt := commit(t, b, room, first)

	force.Store(true)
	_, err := b.Commit(t.Context(), room, broker.Commit{ID: id("a", 2), Expect: &receipt.Version, Value: put("2"), Messages: [][]byte{{}}})
	conflict, ok := errors.AsType[*broker.Conflict](err)
	if !ok {
		t.Fatalf("%v, want a conflict", err)
	}
	want(t, "the conflict's value", string(conflict.Record.Value), "1")
	want(t, "the conflict's version", conflict.Record.Version, receipt.Version)
	want(t, "the position", load(t, b, room).At.Seq, 0)
	want(t, "a repeated commit", commit(t, b, room, first), receipt)
	commit(t, b, room, broker.Commit{ID: id("a", 2), Value: put("any version")})
}

// A function of the user runs without a lock: here it uses the same room and
// another, and would wait for itself.
func TestConflictsIsCalledWithoutLock(t *testing.T) {
	var b *memory.Broker
	b = memory.New(&memory.Options{Conflicts: func(key broker.Key, c broker.Commit) bool {
		publish(t, b, key, "m")
		load(t, b, broker.Key{Room: "other"})
		return false
	}})
	commit(t, b, room, broker.Commit{ID: id("a", 1), Expect: new(broker.Version)})
	want(t, "the position", load(t, b, room).At.Seq, 1)
}

// Exactly all of many updates, in one chain, although every third is refused.
func TestConcurrentUpdates(t *testing.T) {
	const goroutines, each = 16, 50
	var refusals atomic.Int64
	b := memory.New(&memory.Options{Queue: 2 * goroutines * each, Conflicts: func(broker.Key, broker.Commit) bool {
		refuse := rand.N(3) == 0
		if refuse {
			refusals.Add(1)
		}
		return refuse
	}})
	var mu sync.Mutex // protects next, which has for each value the one that replaced it
	next := map[string]string{}
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range each {
				mine, calls, from := fmt.Sprintf("%d of %d", i, g), 0, ""
				err := broker.Update(t.Context(), b, room, func(old []byte, retried bool) (broker.Change, error) {
					if calls++; retried != (calls > 1) {
						t.Errorf("call %d: retried is %v", calls, retried)
					}
					if calls > 10_000 {
						return broker.Change{}, errors.New("called for ever")
					}
					from = string(old)
					return put(mine), nil
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if other, ok := next[from]; ok {
					t.Errorf("lost update: %q was replaced by %q and by %q", from, other, mine)
				}
				next[from] = mine
				mu.Unlock()
			}
		})
	}
	group.Wait()
	length, at := 0, ""
	for to, ok := next[""]; ok; to, ok = next[at] {
		length, at = length+1, to
	}
	want(t, "the length of the chain", length, goroutines*each)
	want(t, "the last value", string(load(t, b, room).Value), at)
	if refusals.Load() == 0 {
		t.Error("no conflict was forced")
	}
}
