package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/spinneyio/est/broker"
)

// handle is one instance's broker, as cases use it. Its methods in small letters
// expect to succeed, and write down what was done; for the others see watch.go.
type handle struct {
	broker.Broker // the very value that Open returned, which faults are done to
	c             *trial
	name          string
	own           bool // closed with the case
	ending        ending
	listeners     map[broker.Key]int // how many it has had; the trial's lock protects it
}

// open returns another one of the handles that cases use together: A, B, C, …
// Cases must not close them, or do anything else to them that others would see.
func (c *trial) open() *handle {
	c.mu.Lock()
	n := c.pooled
	c.pooled++
	c.mu.Unlock()
	b, err := c.suite.pooled(n)
	return c.handle(b, err, false)
}

// own returns a new handle, which is the case's alone.
func (c *trial) own() *handle {
	b, err := c.suite.open()
	return c.handle(b, err, true)
}

func (c *trial) handle(b broker.Broker, err error, own bool) *handle {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.unopened = err
		panic(gaveUp{})
	}
	h := &handle{Broker: b, c: c, own: own, listeners: map[broker.Key]int{}, name: string(rune('A' + len(c.handles)%26))}
	c.handles = append(c.handles, h)
	return h
}

// bounded is the context of a call that has to be answered.
func (c *trial) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.ctx, c.suite.harness.Patience)
}

// load reads the record of key, with its members.
func (h *handle) load(key broker.Key) broker.Record { return h.read("Load", key, true) }

// glance is load without members.
func (h *handle) glance(key broker.Key) broker.Record {
	return h.read("Load without members", key, false)
}

func (h *handle) read(verb string, key broker.Key, members bool) broker.Record {
	ctx, cancel := h.c.bounded()
	defer cancel()
	r, err := h.Load(ctx, key, members)
	h.c.tell(step{handle: h, verb: verb, key: key, record: &r, err: err})
	if err != nil {
		h.c.fatal("Load returns the record", outcome(err))
	}
	return r
}

// try commits, and returns what the broker answers.
func (h *handle) try(key broker.Key, commit broker.Commit) (broker.Receipt, error) {
	ctx, cancel := h.c.bounded()
	defer cancel()
	return h.tryUntil(ctx, key, commit)
}

// tryUntil is try with a context of its own.
func (h *handle) tryUntil(ctx context.Context, key broker.Key, commit broker.Commit) (broker.Receipt, error) {
	r, err := h.Commit(ctx, key, commit)
	h.c.tell(step{handle: h, verb: "Commit", key: key, commit: &commit, receipt: &r, err: err})
	return r, err
}

// commit commits what has to be applied.
func (h *handle) commit(key broker.Key, commit broker.Commit) broker.Receipt {
	r, err := h.try(key, commit)
	if err != nil {
		h.c.fatal("the commit is applied", outcome(err))
	}
	return r
}

// conflict commits what has to be answered with a conflict.
func (h *handle) conflict(key broker.Key, commit broker.Commit) *broker.Conflict {
	_, err := h.try(key, commit)
	conflict, ok := errors.AsType[*broker.Conflict](err)
	if !ok {
		h.c.fatal("a *broker.Conflict", outcome(err))
	}
	return conflict
}

// refused commits what has to be refused with an error that is target.
func (h *handle) refused(key broker.Key, commit broker.Commit, target error) {
	if _, err := h.try(key, commit); !errors.Is(err, target) {
		h.c.fatal(fmt.Sprintf("an error that is %q", target), outcome(err))
	}
}

// publish commits messages of a new writer, all in one.
func (h *handle) publish(key broker.Key, bodies ...string) broker.Receipt {
	return h.commit(key, broker.Commit{ID: h.c.writer().next(), Messages: messages(bodies...)})
}

// outcome is what happened, in words.
func outcome(err error) string {
	if err == nil {
		return "no error"
	}
	return fmt.Sprintf("error: %v", err)
}

func put(value string) broker.Change { return broker.Change{Op: broker.Put, Value: []byte(value)} }

func deletion() broker.Change { return broker.Change{Op: broker.Delete} }

func expect(v broker.Version) *broker.Version { return &v }

func messages(bodies ...string) (list [][]byte) {
	for _, b := range bodies {
		list = append(list, []byte(b))
	}
	return list
}

func add(id, data string) broker.MemberChange {
	return broker.MemberChange{Op: broker.Add, ID: id, Data: []byte(data)}
}

func replace(id, data string) broker.MemberChange {
	return broker.MemberChange{Op: broker.Replace, ID: id, Data: []byte(data)}
}

func require(id string) broker.MemberChange {
	return broker.MemberChange{Op: broker.Require, ID: id}
}

func remove(id string) broker.MemberChange { return broker.MemberChange{Op: broker.Remove, ID: id} }
