package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
)

var room = broker.Key{Namespace: "test", Room: "room"}

// script is a broker whose commits go wrong as commit says, which is called with
// the number of the call, from 1. Commits that are cut off before are not
// applied, those after are.
type script struct {
	broker.Broker
	before func(call int) error
	after  func(call int) error

	mu      sync.Mutex // protects the rest
	commits []broker.Commit
	loads   int
}

func (s *script) Load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	s.mu.Lock()
	s.loads++
	s.mu.Unlock()
	return s.Broker.Load(ctx, key, members)
}

func (s *script) Commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	s.mu.Lock()
	s.commits = append(s.commits, c)
	call := len(s.commits)
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(call); err != nil {
			return broker.Receipt{}, err
		}
	}
	receipt, err := s.Broker.Commit(ctx, key, c)
	if s.after != nil && err == nil {
		if err := s.after(call); err != nil {
			return broker.Receipt{}, err
		}
	}
	return receipt, err
}

// upTo answers the first n calls with err.
func upTo(n int, err error) func(int) error {
	return func(call int) error {
		if call <= n {
			return err
		}
		return nil
	}
}

var errLost = errors.New("the reply was lost")

func appendByte(old []byte, _ bool) (broker.Change, error) {
	return put(string(old) + "x"), nil
}

func value(t testing.TB, b broker.Broker) string {
	t.Helper()
	r, err := b.Load(t.Context(), room, false)
	if err != nil {
		t.Fatal(err)
	}
	if r.Value == nil {
		return "absent"
	}
	return string(r.Value)
}

func TestUpdatePutsDeletesAndKeeps(t *testing.T) {
	b := &script{Broker: memory.New(nil)}
	for _, step := range []struct {
		old    string
		change broker.Change
		new    string
	}{
		{"absent", broker.Change{}, "absent"},
		{"absent", broker.Change{Op: broker.Delete}, "absent"},
		{"absent", put(""), ""},
		{"", put("1"), "1"},
		{"1", broker.Change{}, "1"},
		{"1", broker.Change{Op: broker.Delete}, "absent"},
	} {
		calls, before := 0, len(b.commits)
		err := broker.Update(t.Context(), b, room, func(old []byte, retried bool) (broker.Change, error) {
			calls++
			want(t, "retried", retried, false)
			want(t, "old is absent", old == nil, step.old == "absent")
			if old != nil {
				want(t, "old", string(old), step.old)
			}
			return step.change, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "calls", calls, 1)
		want(t, "the value", value(t, b), step.new)
		want(t, "a commit was made", len(b.commits) > before, step.change.Op != broker.Keep)
	}
}

func TestUpdateRetriesWithTheWinnersRecord(t *testing.T) {
	b := &script{Broker: memory.New(nil)}
	var calls []string
	err := broker.Update(t.Context(), b, room, func(old []byte, retried bool) (broker.Change, error) {
		if calls = append(calls, fmt.Sprintf("%q %v", old, retried)); len(calls) > 10 {
			return broker.Change{}, errors.New("called for ever")
		}
		if len(calls) < 3 { // somebody else wins
			if err := broker.Update(t.Context(), b.Broker, room, appendByte); err != nil {
				return broker.Change{}, err
			}
		}
		return put(string(old) + "mine"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "calls", strings.Join(calls, ", "), `"" false, "x" true, "xx" true`)
	want(t, "the value", value(t, b.Broker), "xxmine")
	want(t, "loads", b.loads, 1)
	for i, c := range b.commits {
		want(t, "the writer", c.ID.Writer, b.commits[0].ID.Writer)
		want(t, "the number", c.ID.N, uint64(i+1)) // another decision is another commit
	}
}

func TestFreshWriterForEachCall(t *testing.T) {
	b := &script{Broker: memory.New(nil)}
	seen := map[string]bool{}
	for range 10 {
		if err := errors.Join(broker.Update(t.Context(), b, room, appendByte), broker.Publish(t.Context(), b, room, nil)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range b.commits {
		if seen[c.ID.Writer] || len(c.ID.Writer) < 26 { // 26 letters of base32 are 130 bits
			t.Errorf("the writer %q is old, or short", c.ID.Writer)
		}
		seen[c.ID.Writer] = true
	}
}

func TestUpdateCommitsNothing(t *testing.T) {
	mine := errors.New("mine")
	for _, test := range []struct {
		name string
		fn   func(cancel func()) (broker.Change, error)
		want error
	}{
		{"error", func(func()) (broker.Change, error) { return put("v"), mine }, mine},
		{"cancelled meanwhile", func(cancel func()) (broker.Change, error) { cancel(); return put("v"), nil }, context.Canceled},
		{"a value without Put", func(func()) (broker.Change, error) { return broker.Change{Value: []byte("v")}, nil }, broker.ErrInvalid},
		{"unknown operation", func(func()) (broker.Change, error) { return broker.Change{Op: 9}, nil }, broker.ErrInvalid},
	} {
		b := &script{Broker: memory.New(nil)}
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		err := broker.Update(ctx, b, room, func([]byte, bool) (broker.Change, error) { calls++; return test.fn(cancel) })
		cancel()
		if !errors.Is(err, test.want) || errors.Is(err, broker.ErrOutcomeUnknown) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		want(t, test.name+": calls", calls, 1)
		want(t, test.name+": commits", len(b.commits), 0)
	}
}

func TestPanicOfUpdateFunctionLeavesBrokerUsable(t *testing.T) {
	b := memory.New(nil)
	func() {
		defer func() { want(t, "recovered", recover(), any("mine")) }()
		t.Error(broker.Update(t.Context(), b, room, func([]byte, bool) (broker.Change, error) { panic("mine") }))
	}()
	if err := broker.Update(t.Context(), b, room, appendByte); err != nil {
		t.Error(err)
	}
	want(t, "the value", value(t, b), "x")
}

func TestCancelledAtEntry(t *testing.T) {
	b := &script{Broker: memory.New(nil)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := []error{
		broker.Update(ctx, b, room, func([]byte, bool) (broker.Change, error) { t.Error("fn was called"); return put("v"), nil }),
		broker.Publish(ctx, b, room, []byte("m")),
	}
	for _, err := range errs {
		if !errors.Is(err, context.Canceled) || errors.Is(err, broker.ErrOutcomeUnknown) {
			t.Errorf("%v, want a plain context.Canceled", err)
		}
	}
	want(t, "calls of the broker", b.loads+len(b.commits), 0)
}

func TestUpdateOfWhatCannotBeLoaded(t *testing.T) {
	b := &script{Broker: memory.New(nil)}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := broker.Update(t.Context(), b, room, func([]byte, bool) (broker.Change, error) { t.Error("fn was called"); return put("v"), nil })
	if !errors.Is(err, broker.ErrClosed) || errors.Is(err, broker.ErrOutcomeUnknown) {
		t.Errorf("%v, want a plain ErrClosed", err)
	}
	want(t, "commits", len(b.commits), 0)
}

func TestPublishOfNothing(t *testing.T) {
	b := &script{Broker: memory.New(nil)}
	if err := broker.Publish(t.Context(), b, room); err != nil {
		t.Error(err)
	}
	want(t, "commits", len(b.commits), 0)
}

// A commit whose outcome is unknown is sent again, the same one, and counts once.
func TestUnknownOutcomeIsResolved(t *testing.T) {
	for _, applied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := &script{Broker: memory.New(nil)}
			if applied {
				b.after = upTo(3, errLost)
			} else {
				b.before = upTo(3, errLost)
			}
			if err := broker.Update(t.Context(), b, room, appendByte); err != nil {
				t.Fatal(err)
			}
			want(t, "the value", value(t, b), "x")
			want(t, "commits", len(b.commits), 4)
			for _, c := range b.commits {
				want(t, "the id", c.ID, b.commits[0].ID)
			}

			*b = script{Broker: b.Broker, before: b.before, after: b.after}
			if err := broker.Publish(t.Context(), b, room, []byte("1"), []byte("2")); err != nil {
				t.Fatal(err)
			}
			record, err := b.Load(t.Context(), room, false)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "messages", record.At.Seq, 2)
			want(t, "commits", len(b.commits), 4)
		})
	}
}

// A conflict after an unknown outcome says that the commit was not applied.
func TestConflictAfterUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &script{Broker: memory.New(nil), before: upTo(1, errLost)}
		calls := 0
		err := broker.Update(t.Context(), b, room, func(old []byte, retried bool) (broker.Change, error) {
			if calls++; calls == 1 {
				if err := broker.Update(t.Context(), b.Broker, room, appendByte); err != nil {
					return broker.Change{}, err
				}
			}
			return put(string(old) + "mine"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "calls", calls, 2)
		want(t, "the value", value(t, b.Broker), "xmine")
	})
}

func TestGivingUp(t *testing.T) {
	for _, test := range []struct {
		name    string
		timeout time.Duration // of the context; 0: none
		err     error         // of the commits
		ended   error
		took    time.Duration
	}{
		{"the context ends", time.Second, errLost, context.DeadlineExceeded, time.Second},
		{"after five minutes", 0, errLost, context.DeadlineExceeded, 5 * time.Minute},
		{"the store says so", time.Second, broker.ErrOutcomeUnknown, context.DeadlineExceeded, time.Second},
		{"closed", 0, broker.ErrClosed, broker.ErrClosed, 0},
	} {
		for what, call := range map[string]func(context.Context, broker.Broker) error{
			"update":  func(ctx context.Context, b broker.Broker) error { return broker.Update(ctx, b, room, appendByte) },
			"publish": func(ctx context.Context, b broker.Broker) error { return broker.Publish(ctx, b, room, []byte("m")) },
		} {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				b := &script{Broker: memory.New(nil), before: upTo(1<<30, test.err)}
				start := time.Now()
				err := call(ctx, b)
				if !errors.Is(err, broker.ErrOutcomeUnknown) || !errors.Is(err, test.ended) || !errors.Is(err, test.err) {
					t.Errorf("%s: %s: %v, want ErrOutcomeUnknown, %v and %v", test.name, what, err, test.ended, test.err)
				}
				want(t, test.name+": "+what+" took", time.Since(start), test.took)
				if n := len(b.commits); test.took > 0 && (n < 5 || n > 1000) {
					t.Errorf("%s: %s: %d commits in %v", test.name, what, n, test.took)
				}
			})
		}
	}
}

// Errors that a repetition can't change are returned at once.
func TestRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, refusal := range []error{broker.ErrTooLarge, broker.ErrStale, broker.ErrInvalid} {
			b := &script{Broker: memory.New(nil), before: upTo(1<<30, fmt.Errorf("store: %w", refusal))}
			for _, err := range []error{broker.Update(t.Context(), b, room, appendByte), broker.Publish(t.Context(), b, room, nil)} {
				if !errors.Is(err, refusal) || errors.Is(err, broker.ErrOutcomeUnknown) {
					t.Errorf("%v, want a plain %v", err, refusal)
				}
			}
			want(t, "commits", len(b.commits), 2)
		}
		want(t, "it took", time.Since(start), 0)
	})
}
