package instance_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// faulty is a broker that fails on command.
type faulty struct {
	broker.Broker
	subscriptions atomic.Int64 // open
	everything    atomic.Bool  // est's own records fail too

	onlyTalk atomic.Bool // but when this is set

	mu       sync.Mutex // protects what follows
	kept     []lateCommit
	faults   map[verb]fault
	calls    map[verb]int
	handlers map[broker.Key]broker.Handler // of the latest subscription
	mute     bool                          // messages are lost on their way to the handlers
	slow     time.Duration                 // or take so long
}

type verb string

const (
	load      verb = "load"
	commit    verb = "commit"
	subscribe verb = "subscribe"
	closeSub  verb = "unsubscribe"
)

// fault is what calls of a verb do.
type fault struct {
	kind  kind
	times int // then it works again; 0: until it is healed
}

type kind uint8

const (
	works kind = iota
	fails      // at once
	hangs      // until its context ends
	loses      // it takes place, its answer is lost
	keeps      // a commit, for later
)

var errDown = errors.New("the broker is down: secret address")

func newFaulty(b broker.Broker) *faulty {
	return &faulty{Broker: b, faults: map[verb]fault{}, calls: map[verb]int{}, handlers: map[broker.Key]broker.Handler{}}
}

func (f *faulty) set(k kind, verbs ...verb) { f.setTimes(k, 0, verbs...) }

func (f *faulty) setTimes(k kind, times int, verbs ...verb) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range verbs {
		f.faults[v] = fault{k, times}
	}
}

func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.faults)
	f.mute = false
}

func (f *faulty) called(v verb) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[v]
}

// call makes a call, as its fault has it.
func (f *faulty) call(ctx context.Context, key broker.Key, v verb, do func() error) error {
	if strings.HasPrefix(key.Namespace, core.ReservedPrefix) && (f.onlyTalk.Load() || !f.everything.Load()) {
		return do()
	}
	f.mu.Lock()
	f.calls[v]++
	now := f.faults[v]
	if now.times > 0 {
		if now.times--; now.times > 0 {
			f.faults[v] = now
		} else {
			delete(f.faults, v)
		}
	}
	f.mu.Unlock()
	switch now.kind {
	case fails, keeps:
		return errDown
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case loses:
		if err := do(); err != nil {
			return err
		}
		return errDown
	}
	return do()
}

func (f *faulty) Load(ctx context.Context, key broker.Key, members bool) (rec broker.Record, err error) {
	err = f.call(ctx, key, load, func() (err error) {
		rec, err = f.Broker.Load(ctx, key, members)
		return err
	})
	return rec, err
}

// lateCommit is a commit that has not arrived yet.
type lateCommit struct {
	key    broker.Key
	commit broker.Commit
}

// late is the first commit that was kept.
func (f *faulty) late() lateCommit {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept[0]
}

func (f *faulty) Commit(ctx context.Context, key broker.Key, c broker.Commit) (r broker.Receipt, err error) {
	f.mu.Lock()
	if f.faults[commit].kind == keeps && key.Namespace == "talk" {
		f.kept = append(f.kept, lateCommit{key, c})
	}
	f.mu.Unlock()
	err = f.call(ctx, key, commit, func() (err error) {
		r, err = f.Broker.Commit(ctx, key, c)
		return err
	})
	if errors.Is(err, errDown) {
		r = broker.Receipt{}
	}
	return r, err
}

func (f *faulty) Subscribe(ctx context.Context, key broker.Key, h broker.Handler) (sub broker.Subscription, err error) {
	heard := h.Message
	h.Message = func(m broker.Message) {
		f.mu.Lock()
		mute, slow := f.mute, f.slow
		f.mu.Unlock()
		<-time.After(slow)
		if !mute {
			heard(m)
		}
	}
	err = f.call(ctx, key, subscribe, func() (err error) {
		sub, err = f.Broker.Subscribe(ctx, key, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers[key] = h
	f.subscriptions.Add(1)
	return &faultySubscription{Subscription: sub, f: f}, nil
}

type faultySubscription struct {
	broker.Subscription
	f      *faulty
	closed atomic.Bool
}

func (s *faultySubscription) Close(ctx context.Context) error {
	return s.f.call(ctx, broker.Key{}, closeSub, func() error {
		if !s.closed.Swap(true) {
			s.f.subscriptions.Add(-1)
		}
		return s.Subscription.Close(ctx)
	})
}

// lose says whether messages are lost between the store and the instances.
func (f *faulty) lose(messages bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mute = messages
}

// delay lets messages take so long between the store and the instances.
func (f *faulty) delay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow = d
}

// gap says that the subscription of a room can't vouch for its continuity.
func (f *faulty) gap(room string) {
	f.mu.Lock()
	h := f.handlers[broker.Key{Namespace: "talk", Room: room}]
	f.mu.Unlock()
	h.Gap(errDown)
}
