package instance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// pulse drives the core.Life of one start of the instance. Its goroutine begins
// with it, and ends when the instance does, or is expelled. It alone calls the
// machine; each call of the broker has a goroutine of its own, so that a room that
// is to be listed waits for no heartbeat. There is at most one load and one commit
// for each of est's own records, and a few rooms that are reaped.
type pulse[C, R any] struct {
	i      *Instance[C, R]
	writer string
	m      *core.Life      // the goroutine's own
	calls  sync.WaitGroup  // of the broker, that it started
	ctx    context.Context // ends with it
	cancel context.CancelFunc
	wakes  chan struct{} // has one in it while there may be something in the inbox

	mu       sync.Mutex // protects what follows
	inbox    []core.LifeEvent
	waiting  map[string]chan struct{} // rooms that wait to be listed: closed when they are
	errs     [2]error                 // of the latest load and the latest commit of the directory
	since    time.Time                // there was one of them always
	reported bool                     // that there is
}

const leaseBeats = 5 // heartbeats without which an instance is given up

// newPulse makes one, with a writer of its own. previous is "" unless the
// instance was expelled.
func (i *Instance[C, R]) newPulse(previous string) *pulse[C, R] {
	p := &pulse[C, R]{i: i, writer: newID(), wakes: make(chan struct{}, 1), waiting: map[string]chan struct{}{}}
	p.m = core.NewLife(p.writer, previous, &core.LifeOptions{Interval: i.o.Heartbeat, Lease: leaseBeats})
	p.ctx, p.cancel = context.WithCancel(i.life)
	return p
}

// run is the goroutine.
func (p *pulse[C, R]) run() {
	defer p.cancel()
	ticker := time.NewTicker(p.i.o.Heartbeat)
	defer ticker.Stop()
	p.step(core.Ticked{Now: time.Now()})
	for p.ctx.Err() == nil {
		select {
		case <-ticker.C:
			p.step(core.Ticked{Now: time.Now()})
		case <-p.wakes:
			p.step(p.take()...)
		case <-p.ctx.Done():
		}
	}
}

func (p *pulse[C, R]) post(ev core.LifeEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbox = append(p.inbox, ev)
	select {
	case p.wakes <- struct{}{}:
	default: // it will see this one too
	}
}

func (p *pulse[C, R]) take() []core.LifeEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.inbox
	p.inbox = nil
	return events
}

func (p *pulse[C, R]) step(events ...core.LifeEvent) {
	for _, fx := range p.m.Step(nil, events...) {
		switch fx := fx.(type) {
		case core.LoadRecord:
			p.calls.Go(func() { p.post(p.load(fx)) })
		case core.CommitRecord:
			p.calls.Go(func() { p.post(p.commit(fx)) })
		case core.Admit:
			p.admit(fx.Room)
		case core.Reap:
			p.reap(fx)
		case core.Report:
			p.i.report(errors.New(fx.Text), fx.What, fx.Conn, "")
		case core.Expel:
			p.i.expel(p)
			p.cancel()
		case core.End:
			p.cancel()
			p.calls.Wait()
			p.i.ended()
		}
	}
}

// list waits until a room is listed. It says false when ctx ends before, or the
// instance is expelled: then the room has been told.
func (p *pulse[C, R]) list(ctx context.Context, room string) bool {
	p.mu.Lock()
	listed := make(chan struct{})
	p.waiting[room] = listed
	p.mu.Unlock()
	p.post(core.Wanted{Room: room})
	select {
	case <-listed:
		return true
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	return false
}

func (p *pulse[C, R]) admit(room string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if listed := p.waiting[room]; listed != nil {
		close(listed)
		delete(p.waiting, room)
	}
}

// timeout bounds one call. What takes longer is a round that failed.
func (p *pulse[C, R]) timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, max(p.i.o.Heartbeat, time.Second))
}

func (p *pulse[C, R]) key(record string) broker.Key {
	return broker.Key{Namespace: core.Records(p.i.in.Name), Room: record}
}

func (p *pulse[C, R]) load(fx core.LoadRecord) core.LifeEvent {
	ctx, cancel := p.timeout()
	defer cancel()
	rec, err := p.i.b.Load(ctx, p.key(fx.Record), true)
	if fx.Record == core.Directory {
		p.beat(0, err)
	}
	if err != nil {
		return core.RecordUnread(fx)
	}
	members := make([]core.RecordMember, len(rec.Members))
	for n, m := range rec.Members {
		members[n] = core.RecordMember(m)
	}
	return core.RecordLoaded{Record: fx.Record, Members: members}
}

func (p *pulse[C, R]) commit(fx core.CommitRecord) core.LifeEvent {
	ctx, cancel := p.timeout()
	defer cancel()
	c := broker.Commit{ID: broker.CommitID{Writer: p.writer, N: fx.N}, Members: make([]broker.MemberChange, len(fx.Changes))}
	for n, ch := range fx.Changes {
		c.Members[n] = broker.MemberChange{Op: broker.MemberOp(ch.Op), ID: ch.ID, Data: ch.Data}
	}
	_, err := p.i.b.Commit(ctx, p.key(fx.Record), c)
	conflict, conflicted := errors.AsType[*broker.Conflict](err)
	refused := p.i.draining.Load() && errors.Is(err, broker.ErrClosed) || // it will never be open again
		errors.Is(err, broker.ErrTooLarge) || errors.Is(err, broker.ErrInvalid) || errors.Is(err, broker.ErrStale)
	if fx.Record == core.Directory && !conflicted {
		p.beat(1, err)
	}
	switch {
	case err == nil:
		return core.RecordCommitted{Record: fx.Record, N: fx.N}
	case conflicted:
		return core.RecordConflicted{Record: fx.Record, N: fx.N, Gone: conflict.Gone}
	case refused:
		return core.RecordRefused{Record: fx.Record, N: fx.N, Reason: err.Error()}
	}
	pause(p.ctx, fx.Again)
	return core.RecordUnanswered{Record: fx.Record, N: fx.N}
}

// beat takes note of whether the heartbeats get through. That they have not for a
// lease is reported, once.
func (p *pulse[C, R]) beat(verb int, err error) {
	if p.ctx.Err() != nil {
		return
	}
	lease := leaseBeats * p.i.o.Heartbeat
	p.mu.Lock()
	p.errs[verb] = err
	switch fails := p.errs != [2]error{}; {
	case !fails:
		p.since, p.reported = time.Time{}, false
	case p.since.IsZero():
		p.since = time.Now()
	}
	reports := err != nil && !p.reported && time.Since(p.since) >= lease
	p.reported = p.reported || reports
	p.mu.Unlock()
	if reports {
		p.i.report(fmt.Errorf("instance: the broker can't be reached for %v by now, and the heartbeat stands still: %w", lease, err), [...]string{"load", "commit"}[verb], "", "")
	}
}

func (p *pulse[C, R]) health() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs[:]...)
}
