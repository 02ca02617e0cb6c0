package instance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// How the machine's effects on the store become calls of the broker, and what is
// done while it can't be reached: each is tried again, with growing pauses, until
// the patience is over.

const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second

	// resendFor is how long the same commit is sent, at most and a Patience more: half
	// of the time that stores keep receipts by default (rule 18 of package broker).
	resendFor = 5 * time.Minute
)

// pause waits before the n-th repetition, with jitter, or until ctx is done.
func pause(ctx context.Context, n int) {
	d := min(lastPause, firstPause<<min(n, 10))
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// patience is a context that ends when the patience with the store does. It is of the
// goroutine of the room, or of one that it waits for.
type patience struct {
	context.Context
	until  time.Time // zero: it is over
	cancel context.CancelFunc
}

// renew lets it begin anew, unless it ends nearly as late as it is: most calls are
// answered at once, and a context with a timer for each is a sixth of what they cost
// with a broker in memory. One that is not used any more ends by itself.
func (p *patience) renew(life context.Context, d time.Duration) {
	now := time.Now()
	if p.until.Sub(now) >= d-d/16 {
		return
	}
	if p.cancel != nil {
		p.cancel()
	}
	p.until = now.Add(d)
	p.Context, p.cancel = context.WithDeadline(life, p.until)
}

// answers carries out what was asked for, beside each other, so that entering a
// room costs one round trip. It appends the store's answers, those of asks in their
// order; a GaveUp is the last.
func (r *room[C, R]) answers(answers []core.Event, asks []core.Effect) []core.Event {
	switch len(asks) {
	case 0:
		return answers
	case 1:
		return append(answers, r.answer(asks[0]))
	}
	got := make([]core.Event, len(asks))
	var all sync.WaitGroup
	for n, fx := range asks {
		all.Go(func() { got[n] = r.answer(fx) })
	}
	all.Wait()
	for _, ev := range got {
		if ev != (core.GaveUp{}) {
			answers = append(answers, ev)
		}
	}
	if len(answers) < len(asks) {
		answers = append(answers, core.GaveUp{})
	}
	return answers
}

func (r *room[C, R]) answer(fx core.Effect) core.Event {
	switch fx := fx.(type) {
	case core.Subscribe:
		return r.subscribe()
	case core.Unsubscribe:
		return r.unsubscribe()
	case core.List:
		return r.list()
	case core.Load:
		return r.load()
	case core.Commit:
		return r.commit(fx)
	}
	panic(fmt.Sprintf("instance: unknown effect on the store: %T", fx))
}

// insist calls until it goes well. It says false when the patience is over.
func (r *room[C, R]) insist(ctx context.Context, what string, call func(ctx context.Context) error) bool {
	for n := 0; ; n++ {
		err := call(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			pause(ctx, n)
		}
		if ctx.Err() != nil {
			r.gaveUp(what, err)
			return false
		}
	}
}

func (r *room[C, R]) gaveUp(what string, err error) {
	if r.i.life.Err() == nil {
		r.i.report(fmt.Errorf("instance: the broker can't be reached for %v by now: %w", r.i.o.Patience, err), what, "", r.key.Room)
	}
}

func (r *room[C, R]) subscribe() core.Event {
	ctx, cancel := context.WithTimeout(r.i.life, r.i.o.Patience)
	defer cancel()
	var sub broker.Subscription
	if !r.insist(ctx, "subscribe", func(ctx context.Context) (err error) {
		sub, err = r.i.b.Subscribe(ctx, r.key, r.handler())
		return err
	}) {
		return core.GaveUp{}
	}
	r.sub = sub
	return core.Subscribed{}
}

func (r *room[C, R]) list() core.Event {
	ctx, cancel := context.WithTimeout(r.i.life, r.i.o.Patience)
	defer cancel()
	if !r.pulse.list(ctx, r.key.Room) {
		return core.GaveUp{} // reported as a heartbeat that does not get through
	}
	return core.Listed{}
}

// handler takes in what the subscription brings. It never blocks.
func (r *room[C, R]) handler() broker.Handler {
	return broker.Handler{
		Message: func(m broker.Message) {
			r.hear(core.Delivered{Now: time.Now(), At: core.Position(m.At), Version: string(m.Version), Body: m.Body})
		},
		Gap: func(reason error) {
			r.hear(core.Doubted{})
			r.i.o.Logger.Warn("est: messages may be missing", "reason", reason, "room", r.key.Room, "integration", r.i.in.Name)
		},
	}
}

// hear puts what the subscription brought into the inbox. If that is full of it,
// what comes is a gap.
func (r *room[C, R]) hear(ev core.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped || r.messages > r.i.o.Hold {
		return
	}
	if r.messages == r.i.o.Hold {
		ev = core.Doubted{}
	}
	r.messages++
	r.inbox = append(r.inbox, item[C, R]{ev: ev})
	r.wake()
}

func (r *room[C, R]) unsubscribe() core.Event {
	ctx, cancel := context.WithTimeout(r.i.life, r.i.o.Patience)
	defer cancel()
	if err := r.sub.Close(ctx); err != nil && r.i.life.Err() == nil {
		r.i.report(fmt.Errorf("instance: %w", err), "unsubscribe", "", r.key.Room)
	}
	r.sub = nil
	return core.Unsubscribed{}
}

// abandon lets the store go when the instance was cut off.
func (r *room[C, R]) abandon() {
	if r.sub == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.i.life), lastPause)
	defer cancel()
	if err := r.sub.Close(ctx); err != nil {
		r.i.report(fmt.Errorf("instance: %w", err), "unsubscribe", "", r.key.Room)
	}
	r.sub = nil
}

func (r *room[C, R]) load() core.Event {
	r.patience.renew(r.i.life, r.i.o.Patience)
	var rec broker.Record
	if !r.insist(r.patience.Context, "load", func(ctx context.Context) (err error) {
		rec, err = r.i.b.Load(ctx, r.key, false)
		return err
	}) {
		return core.GaveUp{}
	}
	return core.Loaded{Record: record(rec)}
}

func (r *room[C, R]) commit(c core.Commit) core.Event {
	if c.Again == 0 {
		r.sent = time.Now()
	}
	if c.Again == 0 || r.patience.until.IsZero() { // or it was given up, and must be known all the same
		r.patience.renew(r.i.life, r.i.o.Patience)
	}
	ctx := r.patience.Context
	receipt, err := r.i.b.Commit(ctx, r.key, r.translate(c))
	conflict, conflicts := errors.AsType[*broker.Conflict](err)
	switch {
	case err == nil:
		r.conflicts = 0
		return core.Committed{N: c.N, Version: string(receipt.Version), At: core.Position(receipt.At)}
	case conflicts:
		if r.conflicts++; r.conflicts > 8 { // let others finish
			pause(ctx, 0)
		}
		gone := make([]core.ConnID, len(conflict.Gone))
		for i, id := range conflict.Gone {
			gone[i] = core.ConnID(id)
		}
		return core.Conflicted{N: c.N, Record: record(conflict.Record), Gone: gone}
	case errors.Is(err, broker.ErrTooLarge):
		return core.Refused{N: c.N, TooLarge: true, Reason: err.Error()}
	case errors.Is(err, broker.ErrInvalid), errors.Is(err, broker.ErrStale):
		return core.Refused{N: c.N, Reason: err.Error()}
	case ctx.Err() == nil:
		pause(ctx, c.Again)
	}
	if ctx.Err() != nil {
		r.gaveUp("commit", err)
		r.patience.until = time.Time{}
		if c.Again > 0 && time.Since(r.sent) > resendFor {
			r.unsure = true
			return core.Forgotten{N: c.N}
		}
		return core.GaveUp{}
	}
	return core.Unanswered{N: c.N}
}

func (r *room[C, R]) translate(c core.Commit) broker.Commit {
	b := broker.Commit{
		ID:       broker.CommitID{Writer: r.pulse.writer, N: c.N},
		Value:    broker.Change{Op: broker.Op(c.Op), Value: c.Value},
		Messages: c.Messages,
	}
	if !c.Any {
		b.Expect = (*broker.Version)(&c.Expect)
	}
	if len(c.Members) > 0 {
		b.Members = make([]broker.MemberChange, len(c.Members))
		for i, m := range c.Members {
			b.Members[i] = broker.MemberChange{Op: broker.MemberOp(m.Op), ID: string(m.Conn), Data: m.Data}
		}
	}
	return b
}

func record(r broker.Record) core.Record {
	return core.Record{Value: r.Value, Version: string(r.Version), At: core.Position(r.At)}
}
