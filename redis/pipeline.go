package redis

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
)

// pipeline sends commands that are waiting at the same time together: they share
// a system call and a round trip. A call returns when its context ends, whatever
// the client is doing; go-redis alone would first wait for the network.
type pipeline struct {
	client goredis.UniversalClient
	ctx    context.Context // ends with the broker
	cancel context.CancelFunc

	mu      sync.Mutex // protects what follows
	waiting []*call
	senders int
	most    int
	idle    sync.WaitGroup // of senders
}

// call is a command on its way. It is the sender's until done is closed.
type call struct {
	cmd  goredis.Cmder
	done chan struct{}
}

// What is under way at once: senders, and commands of each. More senders make
// batches smaller, fewer let a slow reply hold up more. One that is stuck for a
// while isn't counted, so that a node or a connection that hangs doesn't hold up
// all others; but there is a bound to that too.
const (
	mostSenders = 4
	mostCalls   = 256
	mostStuck   = 16
	stuck       = 100 * time.Millisecond
)

func newPipeline(client goredis.UniversalClient) *pipeline {
	p := &pipeline{client: client, most: mostSenders}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// do sends cmd, and waits for its answer. cmd must not be looked at if it returns
// an error that is ctx's or [broker.ErrClosed].
func (p *pipeline) do(ctx context.Context, cmd goredis.Cmder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{cmd, make(chan struct{})}
	p.mu.Lock()
	if p.ctx.Err() != nil {
		p.mu.Unlock()
		return broker.ErrClosed
	}
	p.waiting = append(p.waiting, c)
	if p.senders < min(p.most, mostSenders+mostStuck) {
		p.senders++
		p.idle.Go(p.send)
	}
	p.mu.Unlock()
	select {
	case <-c.done:
		if p.ctx.Err() != nil {
			return broker.ErrClosed // the command's error may be that it was interrupted
		}
		return cmd.Err()
	case <-ctx.Done():
		p.forget(c)
		return ctx.Err()
	case <-p.ctx.Done():
		return broker.ErrClosed
	}
}

// forget drops a call that nobody waits for any more, unless it has been taken. So
// what waits is bounded by the callers that do.
func (p *pipeline) forget(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, c); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
}

// send sends what is waiting, until nothing is.
func (p *pipeline) send() {
	for {
		// Let those go first who have something to send already: it leaves with what is
		// there. When nobody has, it costs nothing.
		runtime.Gosched()
		calls := p.take()
		if calls == nil {
			return
		}
		late := time.AfterFunc(stuck, func() { p.allow(1) })
		p.exec(calls)
		if !late.Stop() {
			p.allow(-1)
		}
		for _, c := range calls {
			close(c.done)
		}
	}
}

// allow allows for more senders, or less: one that hangs doesn't count.
func (p *pipeline) allow(more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most += more
	if len(p.waiting) > 0 && p.senders < min(p.most, mostSenders+mostStuck) && p.ctx.Err() == nil {
		p.senders++
		p.idle.Go(p.send)
	}
}

// take takes calls that are waiting. After nil, send must end.
func (p *pipeline) take() []*call {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.waiting), mostCalls)
	if n == 0 || p.ctx.Err() != nil {
		p.senders--
		p.waiting = nil
		return nil
	}
	calls := p.waiting[:n:n]
	p.waiting = p.waiting[n:]
	return calls
}

// exec runs calls. None is left out: who waits for it takes done for an answer.
func (p *pipeline) exec(calls []*call) {
	if len(calls) == 1 {
		_ = p.client.Process(p.ctx, calls[0].cmd) // the error is the command's
		return
	}
	pipe := p.client.Pipeline()
	for _, c := range calls {
		_ = pipe.Process(p.ctx, c.cmd) // queues it
	}
	_, _ = pipe.Exec(p.ctx) // each command has its own error
}

// close makes calls fail with [broker.ErrClosed]. The senders end as soon as the
// client lets them; wait waits for that.
func (p *pipeline) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel()
	p.waiting = nil
}
