package redis

import (
	"context"
	"sync"

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
	ctx  context.Context
	cmd  goredis.Cmder
	done chan struct{}
}

// What is under way at once: senders, and commands of each. More senders make
// batches smaller, fewer let a slow reply hold up more.
const (
	mostSenders = 4
	mostCalls   = 256
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
	c := &call{ctx, cmd, make(chan struct{})}
	p.mu.Lock()
	if p.ctx.Err() != nil {
		p.mu.Unlock()
		return broker.ErrClosed
	}
	p.waiting = append(p.waiting, c)
	if p.senders < p.most {
		p.senders++
		p.idle.Go(p.send)
	}
	p.mu.Unlock()
	select {
	case <-c.done:
		return cmd.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return broker.ErrClosed
	}
}

// send sends what is waiting, until nothing is.
func (p *pipeline) send() {
	for {
		calls := p.take()
		if calls == nil {
			return
		}
		p.exec(calls)
		for _, c := range calls {
			close(c.done)
		}
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

// exec runs calls. Those whose context has ended are left out.
func (p *pipeline) exec(calls []*call) {
	if len(calls) == 1 {
		_ = p.client.Process(p.ctx, calls[0].cmd) // the error is the command's
		return
	}
	pipe := p.client.Pipeline()
	for _, c := range calls {
		if c.ctx.Err() == nil {
			_ = pipe.Process(p.ctx, c.cmd) // queues it
		}
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
