package instance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// What the instance does about others that are dead, and when others take it for
// dead.

var errExpelled = errors.New("instance: the others have given this instance up, since its heartbeat stood still, or the store went back to before it: its connections in rooms are closed, and it starts again under another name")

// reaping counts the members of a dead instance that a room still has.
type reaping struct {
	left atomic.Int64
	done func()
}

func (r *reaping) gone() {
	if r.left.Add(-1) == 0 {
		r.done()
	}
}

// reap has a room run the Leaves of a dead instance's members. An instance that
// shuts down leaves that to others.
func (p *pulse[C, R]) reap(fx core.Reap) {
	if p.i.draining.Load() {
		return
	}
	p.i.work(1)
	p.calls.Go(func() {
		defer p.i.work(-1)
		members, alien, ok := p.membersOf(fx)
		if !ok {
			return
		}
		answer := core.LifeEvent(core.Reaped(fx))
		if alien {
			answer = core.Unreaped(fx)
		}
		job := &reaping{done: func() { p.post(answer) }}
		job.left.Store(1) // until all are counted
		p.adopt(fx.Room, members, job)
		job.gone()
	})
}

// membersOf reads the members until it succeeds. It says false if this start of
// the instance ends before. alien says that there are some that can't be read.
func (p *pulse[C, R]) membersOf(fx core.Reap) (orphans []core.Orphaned, alien, ok bool) {
	for n := 0; ; n++ {
		ctx, cancel := p.timeout()
		rec, err := p.i.b.Load(ctx, broker.Key{Namespace: p.i.in.Name, Room: fx.Room}, true)
		cancel()
		if err == nil {
			orphans, alien = p.orphans(fx, rec)
			return orphans, alien, true
		}
		if pause(p.ctx, n); p.ctx.Err() != nil || p.i.draining.Load() {
			return nil, false, false
		}
	}
}

func (p *pulse[C, R]) orphans(fx core.Reap, rec broker.Record) (orphans []core.Orphaned, alien bool) {
	for _, m := range rec.Members {
		s, err := core.DecodeMember(m.Data)
		switch {
		case err != nil && s.Instance != "" && s.Instance != fx.Instance:
		case err != nil:
			p.i.report(err, "reap", core.ConnID(m.ID), fx.Room)
			alien = alien || s.Instance == fx.Instance // else it may be anybody's
		case s.Instance == fx.Instance:
			orphans = append(orphans, core.Orphaned{Conn: core.ConnID(m.ID), Now: time.Now(), Data: s.Data, Identity: s.Identity})
		}
	}
	return orphans, alien
}

// adopt posts the orphans to the machine of their room, which is made if there is
// none.
func (p *pulse[C, R]) adopt(room string, orphans []core.Orphaned, job *reaping) {
	p.i.mu.Lock()
	defer p.i.mu.Unlock()
	if len(orphans) == 0 || p.i.pulse != p { // or it was expelled meanwhile
		return
	}
	r := p.i.room(room)
	job.left.Add(int64(len(orphans)))
	items := make([]item[C, R], len(orphans))
	for n, ev := range orphans {
		c := &conn[C, R]{i: p.i, id: ev.Conn, t: nobody{}, home: r, closed: true, orphan: job}
		items[n] = item[C, R]{ev: ev, c: c}
	}
	r.post(items...)
}

// nobody is the transport's end of an orphan.
type nobody struct{}

var _ transport.Conn = nobody{}

func (nobody) Write([][]byte) error         { return fmt.Errorf("instance: %w", errOrphan) }
func (nobody) Close(core.CloseCode, string) {}

var errOrphan = errors.New("the connection was another instance's")

// expel has the instance start again, when it was given up. The machines of its
// rooms end their connections, and go on until they are idle: their Leaves compete
// with those that others run, and one of each is committed. Connections that are in
// no room stay.
func (i *Instance[C, R]) expel(old *pulse[C, R]) {
	i.mu.Lock()
	retired := slices.Collect(maps.Values(i.rooms))
	for _, r := range retired {
		i.retired[r] = struct{}{}
	}
	clear(i.rooms)
	i.pulse = i.newPulse(old.writer)
	if i.stopping {
		i.pulse.post(core.Stopped{})
	}
	go i.pulse.run()
	i.mu.Unlock()
	for _, r := range retired { // before old ends: then what they wait for is given up
		r.post(item[C, R]{ev: core.Expelled{}})
	}
	i.report(errExpelled, "heartbeat", "", "")
}
