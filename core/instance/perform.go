package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spinneyio/est/core"
)

// side is the side effects of one connection that wait, in order. A goroutine
// that exists only while there are any performs them. They outlive their
// connection, and end with the instance.
type side struct {
	mu      sync.Mutex // protects what follows
	waiting []effect
	running bool // the goroutine exists
}

type effect struct {
	value any
	slot  bool // it holds one of the connection's slots
}

// maxUnslotted bounds the side effects that messages of others caused: there is
// nobody to slow down for them.
const maxUnslotted = 1024

var errNoPerform = errors.New("an outcome has a side effect, and Options.Perform is nil")

// perform queues a side effect. It takes a slot where one is free, so that a
// connection whose side effects are slow is read from slowly.
func (c *conn[C, R]) perform(v any) {
	e := effect{value: v}
	select {
	case c.slots <- struct{}{}:
		e.slot = true
	default:
	}
	c.side.mu.Lock()
	defer c.side.mu.Unlock()
	c.side.waiting = append(c.side.waiting, e)
	if len(c.side.waiting) > maxUnslotted+c.i.o.Inbound {
		c.i.report(errTooManyEffects, "Perform", c.id, "")
		c.finish(core.CloseTryLater, core.CloseTryLater.Reason())
	}
	if !c.side.running {
		c.side.running = true
		c.i.work(1)
		go c.performAll()
	}
}

func (c *conn[C, R]) performAll() {
	defer c.i.work(-1)
	for {
		c.side.mu.Lock()
		if len(c.side.waiting) == 0 {
			c.side.waiting, c.side.running = nil, false
			c.side.mu.Unlock()
			return
		}
		e := c.side.waiting[0]
		c.side.waiting = c.side.waiting[1:]
		c.side.mu.Unlock()
		c.performOne(e.value)
		if e.slot {
			c.free()
		}
	}
}

func (c *conn[C, R]) performOne(v any) {
	result, err := c.callPerform(v)
	answer := core.Performed{Effect: v}
	if err == nil && result != nil {
		answer.Result, err = json.Marshal(result)
	}
	if err != nil {
		answer.Failed = err.Error()
		c.i.report(err, fmt.Sprintf("Perform %v", v), c.id, "")
	}
	if c.i.in.Performed == nil {
		return
	}
	if !c.post(core.Answered{Conn: c.id, Now: time.Now(), Answer: answer}) {
		c.i.report(errDropped, fmt.Sprintf("Perform %v", v), c.id, "")
	}
}

var errDropped = errors.New("a side effect was answered after its connection had ended: the answer is dropped")

func (c *conn[C, R]) callPerform(v any) (result any, err error) {
	if c.i.o.Perform == nil {
		return nil, errNoPerform
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("instance: Perform panicked: %v", p)
		}
	}()
	return c.i.o.Perform(c.i.life, c.id, v)
}
