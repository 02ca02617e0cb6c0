package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// resendFor bounds for how long a commit is sent again. It is half of the time
// that receipts are kept by default: later, the same commit might count twice
// (rule 18).
const resendFor = 5 * time.Minute

// Update changes a value by compare-and-swap: fn gets the present one, which is
// nil if there is none, and answers what to do: [Put], [Delete], or [Keep] for
// nothing at all. If another writer wins meanwhile, fn is called again with that
// writer's value, and with retried true, until ctx ends. Nothing that fn does
// may count before Update has returned nil.
//
// fn is called without any lock. It must not change old, which is shared. What
// it returns is the broker's. Its error is returned as it is, and nothing is
// committed.
//
// The change is applied exactly once if Update returns nil. It may have been
// applied if the error wraps [ErrOutcomeUnknown], which comes only when ctx has
// ended, or five minutes have passed, while commits went unanswered, or the
// broker was closed; and not at all otherwise.
func Update(ctx context.Context, b Broker, key Key, fn func(old []byte, retried bool) (Change, error)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("broker: update %s: %w", key, err)
	}
	record, err := b.Load(ctx, key, false)
	if err != nil {
		return fmt.Errorf("broker: update %s: %w", key, err)
	}
	writer := rand.Text()
	for n := uint64(1); ; n++ {
		change, err := fn(record.Value, n > 1)
		if err != nil {
			return err
		}
		if err := change.validate(); err != nil {
			return fmt.Errorf("broker: update %s: %w", key, err)
		}
		if change.Op == Keep {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("broker: update %s: %w", key, err)
		}
		expect := record.Version
		_, err = Settle(ctx, b, key, Commit{ID: CommitID{writer, n}, Expect: &expect, Value: change})
		if err == nil {
			return nil
		}
		conflict, ok := errors.AsType[*Conflict](err)
		if !ok {
			return fmt.Errorf("broker: update %s: %w", key, err)
		}
		// At once: the record is as fresh as it will ever be, and somebody has won.
		record = conflict.Record
	}
}

// Publish publishes messages to whoever is subscribed to key, in this order and
// with no others between them. It changes nothing else; without messages it does
// nothing. They are the broker's from the call on.
//
// They are published exactly once if Publish returns nil. For its errors see
// [Update].
func Publish(ctx context.Context, b Broker, key Key, messages ...[]byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("broker: publish to %s: %w", key, err)
	}
	if len(messages) == 0 {
		return nil
	}
	if _, err := Settle(ctx, b, key, Commit{ID: CommitID{rand.Text(), 1}, Messages: messages}); err != nil {
		return fmt.Errorf("broker: publish to %s: %w", key, err)
	}
	return nil
}

// Settle commits c, and sends it again and again, with growing pauses, until it is
// known what became of it: that is how a lost answer is resolved. Its error is
// that of [Broker].Commit, and then c was not applied and never will be; or it
// wraps [ErrOutcomeUnknown], which comes only when ctx has ended, or five minutes
// have passed, or the broker was closed.
func Settle(ctx context.Context, b Broker, key Key, c Commit) (Receipt, error) {
	receipt, err := b.Commit(ctx, key, c)
	if err == nil || refused(err) {
		return receipt, err
	}
	ctx, cancel := context.WithTimeout(ctx, resendFor)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if errors.Is(err, ErrClosed) {
			return receipt, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
		if ended := pause(ctx, attempt); ended != nil {
			return receipt, fmt.Errorf("%w: %w, after: %w", ErrOutcomeUnknown, ended, err)
		}
		if receipt, err = b.Commit(ctx, key, c); err == nil || refused(err) {
			return receipt, err
		}
	}
}

// refused says whether a commit with this error was not applied, and never will
// be (rule 32).
func refused(err error) bool {
	_, conflict := errors.AsType[*Conflict](err)
	return conflict || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrStale) || errors.Is(err, ErrInvalid)
}

// pause waits about 10 ms, and twice as long for each attempt, up to a second.
// It returns ctx's error if that ends.
func pause(ctx context.Context, attempt int) error {
	about := min(10*time.Millisecond<<min(attempt, 7), time.Second)
	timer := time.NewTimer(about/2 + mathrand.N(about))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
