package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// chaos breaks things until ctx ends. Then all of them work again.
type chaos struct {
	l    *ledger
	rand *rand.Rand // its own
}

func (c *chaos) between(from, to time.Duration) time.Duration {
	return from + time.Duration(c.rand.Int64N(int64(to-from)))
}

// wait says false when ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// server kills a server and starts it again, or stops it for a while, or cuts its way
// to Redis.
func (c *chaos) server(ctx context.Context, p *process, way *proxy) error {
	for wait(ctx, c.between(beat, 4*lease)) {
		switch c.rand.IntN(4) {
		case 0, 1:
			c.l.dying(p)
			p.kill()
			wait(ctx, c.between(0, 3*lease))
			if err := p.up(); err != nil {
				return err
			}
		case 2:
			c.l.count(&c.l.figures.Pauses)
			p.signal(syscall.SIGSTOP)
			wait(ctx, c.between(beat, 3*lease))
			p.signal(syscall.SIGCONT)
		case 3:
			c.l.count(&c.l.figures.Cuts)
			way.cut()
		}
	}
	return nil
}

// redis kills the redis-server and starts it again, with its data.
func (c *chaos) redis(ctx context.Context, p *process) error {
	for wait(ctx, c.between(lease, 5*lease)) {
		c.l.count(&c.l.figures.Restarts)
		p.kill()
		wait(ctx, c.between(0, 2*lease))
		if err := p.up(); err != nil {
			return err
		}
	}
	return nil
}
