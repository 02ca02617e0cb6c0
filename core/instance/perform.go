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

var (
	errNoPerform      = errors.New("instance: an outcome has a side effect, and Options.Perform is nil")
	errTooManyEffects = errors.New("instance: too many side effects of one connection wait: it is closed, they are still performed")
	errDropped        = errors.New("instance: a side effect was answered after its connection had ended: the answer is dropped")
	errCutOff         = errors.New("instance: a side effect was not performed: the shutdown was cut off")
)

// perform queues a side effect. It keeps the slot of the message that led to it,
// or takes one where one is free, so that a connection whose side effects are slow
// is read from slowly. It says true if the outbox has to be given to the scribes.
func (c *conn[C, R]) perform(v any, slot bool) (write bool) {
	if !slot {
		taken, _ := c.slots.take(1, c.i.o.Inbound)
		slot = taken == 1
	}
	if c.queueEffect(effect{v, slot}) == maxUnslotted+c.i.o.Inbound {
		c.i.report(errTooManyEffects, "Perform", c.id, "")
		write = c.finish(core.CloseTryLater)
		c.leave()
	}
	return write
}

// queueEffect returns how many had waited before.
func (c *conn[C, R]) queueEffect(e effect) int {
	c.side.mu.Lock()
	defer c.side.mu.Unlock()
	c.side.waiting = append(c.side.waiting, e)
	if !c.side.running {
		c.side.running = true
		c.i.work(1)
		go c.performAll()
	}
	return len(c.side.waiting) - 1
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
			c.slots.free(1)
		}
	}
}

func (c *conn[C, R]) performOne(v any) {
	what := fmt.Sprintf("Perform %v", v)
	if c.i.life.Err() != nil {
		c.i.report(errCutOff, what, c.id, "")
		return
	}
	answer := core.Performed{Effect: v}
	var err error
	if answer.Result, err = c.callPerform(v); err != nil {
		answer.Failed = err.Error()
		c.i.report(err, what, c.id, "")
	}
	if c.i.in.Performed == nil {
		return
	}
	if !c.post(core.Answered{Conn: c.id, Now: time.Now(), Answer: answer}) {
		c.i.report(errDropped, what, c.id, "")
	}
}

// callPerform calls the application's function, and makes its result JSON: nil
// for nil. A panic of either is an error.
func (c *conn[C, R]) callPerform(v any) (result core.Message, err error) {
	if c.i.o.Perform == nil {
		return nil, errNoPerform
	}
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, fmt.Errorf("instance: Perform panicked: %v", p)
		}
	}()
	value, err := c.i.o.Perform(c.i.life, c.id, v)
	if err != nil || value == nil {
		return nil, err
	}
	if result, err = json.Marshal(value); err != nil {
		return nil, fmt.Errorf("instance: the result of Perform can't be encoded: %w", err)
	}
	return result, nil
}
