package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// Member is a connection that is in a room, on whichever instance.
type Member[C any] struct {
	Conn     core.ConnID
	Instance string // random name of the instance that holds the connection
	Identity string
	Data     C // as of the connection's last commit
}

// Publish publishes to a room from outside any connection: a request handler, a
// job. The messages are committed together. Nobody needs to be in the room.
func (i *Instance[C, R]) Publish(ctx context.Context, room string, p ...core.Publication) error {
	messages, err := publications(p)
	if err != nil {
		return err
	}
	if len(messages) == 0 {
		return nil
	}
	key, err := i.outside(ctx, room)
	if err != nil {
		return err
	}
	if _, err := i.commit(ctx, key, broker.Commit{Messages: messages}); err != nil {
		return fmt.Errorf("instance: publish to %q: %w", room, err)
	}
	return nil
}

// Update changes a room's state from outside any connection, and publishes. fn
// gets the state (the zero R where there is none) and answers what to do, as an
// outcome would; it is pure, and is called again after a conflict. If it answers
// neither a change nor a publication, nothing happens. An error that wraps
// broker.ErrOutcomeUnknown says that ctx ended before it was known whether the
// update took place.
func (i *Instance[C, R]) Update(ctx context.Context, room string, fn func(R) (core.Change[R], []core.Publication)) error {
	key, err := i.outside(ctx, room)
	if err != nil {
		return err
	}
	rec, err := i.b.Load(ctx, key, false)
	if err != nil {
		return fmt.Errorf("instance: update %q: %w", room, err)
	}
	for {
		c, err := decideUpdate(rec, fn)
		if err != nil {
			return fmt.Errorf("instance: update %q: %w", room, err)
		}
		if c.Value.Op == broker.Keep && len(c.Messages) == 0 {
			return nil
		}
		_, err = i.commit(ctx, key, c)
		var conflict *broker.Conflict
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &conflict):
			return fmt.Errorf("instance: update %q: %w", room, err)
		}
		rec = conflict.Record
	}
}

func decideUpdate[R any](rec broker.Record, fn func(R) (core.Change[R], []core.Publication)) (c broker.Commit, err error) {
	var state R
	if rec.Value != nil {
		if err := json.Unmarshal(rec.Value, &state); err != nil {
			return c, err
		}
	}
	change, pubs := fn(state)
	c.Expect = &rec.Version
	switch change.Op {
	case core.OpPut:
		c.Value.Op = broker.Put
		if c.Value.Value, err = json.Marshal(change.Value); err != nil {
			return c, err
		}
	case core.OpDelete:
		if rec.Value != nil {
			c.Value.Op = broker.Delete
		}
	}
	c.Messages, err = publications(pubs)
	return c, err
}

// Members lists who is in a room, over all instances, sorted by connection.
func (i *Instance[C, R]) Members(ctx context.Context, room string) ([]Member[C], error) {
	rec, err := i.b.Load(ctx, broker.Key{Namespace: i.in.Name, Room: room}, true)
	if err != nil {
		return nil, fmt.Errorf("instance: members of %q: %w", room, err)
	}
	members := make([]Member[C], len(rec.Members))
	for n, m := range rec.Members {
		s, err := core.DecodeMember(m.Data)
		if err != nil {
			return nil, fmt.Errorf("instance: members of %q: %s: %w", room, m.ID, err)
		}
		members[n] = Member[C]{Conn: core.ConnID(m.ID), Instance: s.Instance, Identity: s.Identity}
		if err := s.Data.Decode(&members[n].Data); err != nil {
			return nil, fmt.Errorf("instance: members of %q: %s: %w", room, m.ID, err)
		}
	}
	return members, nil
}

// outside checks what is common to what comes from outside.
func (i *Instance[C, R]) outside(ctx context.Context, room string) (broker.Key, error) {
	if room == "" {
		return broker.Key{}, errors.New("instance: the room key is empty: that is no room")
	}
	if i.life.Err() != nil {
		return broker.Key{}, ErrShutdown
	}
	return broker.Key{Namespace: i.in.Name, Room: room}, ctx.Err()
}

func publications(pubs []core.Publication) ([][]byte, error) {
	var messages [][]byte
	for _, p := range pubs {
		m, err := core.EncodePublication("", p)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// commit commits once, however often it must be sent: until the outcome is known
// or ctx ends.
func (i *Instance[C, R]) commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	w := i.writers.take()
	w.N++
	c.ID = w
	for n := 0; ; n++ {
		receipt, err := i.b.Commit(ctx, key, c)
		var conflict *broker.Conflict
		if err == nil || errors.As(err, &conflict) || errors.Is(err, broker.ErrTooLarge) ||
			errors.Is(err, broker.ErrInvalid) || errors.Is(err, broker.ErrClosed) {
			i.writers.give(w)
			return receipt, err
		}
		if ctx.Err() != nil { // the writer is left behind: its commit may still be on the way
			return receipt, fmt.Errorf("%w (%w)", broker.ErrOutcomeUnknown, errors.Join(context.Cause(ctx), err))
		}
		pause(ctx, n)
	}
}

// writerPool has the writers for commits from outside. A store keeps a receipt
// for each writer and room, so they are used again; each by one commit at a time.
type writerPool struct {
	mu   sync.Mutex // protects free
	free []broker.CommitID
}

func (p *writerPool) take() broker.CommitID {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		w := p.free[n-1]
		p.free = p.free[:n-1]
		return w
	}
	return broker.CommitID{Writer: newID()}
}

func (p *writerPool) give(w broker.CommitID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, w)
}
