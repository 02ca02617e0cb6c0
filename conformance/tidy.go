package conformance

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
)

// end closes the subscriptions, leaves the store as it was, but for receipts, and
// closes the case's own handles. What the case has closed is not closed again.
// Errors don't matter here: there are rules about Close.
func (c *trial) end() {
	c.mu.Lock()
	handles, keys, subs := c.handles, c.keys, c.subs
	c.mu.Unlock()
	var closers []closer
	for _, s := range subs {
		closers = append(closers, s.ending.left(s.Subscription)...)
	}
	closeAll(closers, c.suite.harness.Patience, c.guard)
	c.purge(keys)
	closers = nil
	for _, h := range handles {
		if h.own && !c.suite.shared {
			c.suite.closing.Store(true)
			closers = append(closers, h.ending.left(h.Broker)...)
		}
	}
	closeAll(closers, c.suite.harness.Patience, c.guard)
}

// purge deletes what the records of keys hold, for as long as the store answers.
func (c *trial) purge(keys []broker.Key) {
	b, err := c.suite.pooled(0)
	if err != nil {
		return
	}
	left := make(chan broker.Key, len(keys))
	for _, key := range keys {
		left <- key
	}
	close(left)
	var wg sync.WaitGroup
	for range min(atOnce, len(keys)) {
		wg.Go(func() {
			c.guard(func() {
				for key := range left {
					if !c.purgeOne(b, key) {
						return
					}
				}
			})
		})
	}
	wg.Wait()
}

// purgeOne says whether the store has answered. If the case has failed it does
// nothing: the records may tell more.
func (c *trial) purgeOne(b broker.Broker, key broker.Key) bool {
	ctx, cancel := c.bounded()
	defer cancel()
	defer c.watch(ctx, "a call that tidies up")()
	r, err := b.Load(ctx, key, true)
	if err != nil || r.Value == nil && r.Members == nil {
		return err == nil
	}
	commit := broker.Commit{ID: broker.CommitID{Writer: rand.Text(), N: 1}, Value: broker.Change{Op: broker.Delete}}
	for _, m := range r.Members {
		commit.Members = append(commit.Members, broker.MemberChange{Op: broker.Remove, ID: m.ID})
	}
	_, err = b.Commit(ctx, key, commit)
	return err == nil
}

// closer is a broker or a subscription.
type closer interface {
	Close(ctx context.Context) error
}

// ending is how far Close of a handle or a subscription has come.
type ending struct {
	begun atomic.Bool
	done  atomic.Bool // it has returned nil
}

func (e *ending) close(ctx context.Context, x closer) error {
	e.begun.Store(true)
	err := x.Close(ctx)
	if err == nil {
		e.done.Store(true)
	}
	return err
}

// left is x unless it is closed.
func (e *ending) left(x closer) []closer {
	switch {
	case e.done.Load():
		return nil
	case e.begun.Swap(true):
		return []closer{repeated{x}}
	}
	return []closer{x}
}

// repeated is closed a second time, since the first time has failed. If it panics,
// that is for a rule of its own to say.
type repeated struct{ closer }

func (r repeated) Close(ctx context.Context) (err error) {
	recovered(func() { err = r.closer.Close(ctx) })
	return err
}

// closeAll closes them, each by guard, and waits for that for a time, whatever
// Close does.
func closeAll(closers []closer, patience time.Duration, guard func(func())) {
	if len(closers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, x := range closers {
		wg.Go(func() { guard(func() { _ = x.Close(ctx) }) }) // see end
	}
	closed := make(chan struct{})
	go func() {
		wg.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}

// recovered calls f, and lets it panic: that is reported by the rules about Close.
func recovered(f func()) {
	defer func() { _ = recover() }()
	f()
}
