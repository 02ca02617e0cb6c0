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
// job. The messages are committed together. Nobody needs to be in the room. More
// messages at once than instances hold (Options.Hold, or a queue of the broker) are
// a gap for the members. Its errors are those of [Instance.Update].
func (i *Instance[C, R]) Publish(ctx context.Context, room string, p ...core.Publication) error {
	err := i.outside(ctx, room, func(key broker.Key) error {
		messages, err := publications(p)
		if err != nil || len(messages) == 0 {
			return err
		}
		return i.commit(ctx, key, broker.Commit{Messages: messages})
	})
	if err != nil {
		return fmt.Errorf("instance: publish to %q: %w", room, err)
	}
	return nil
}

// Update changes a room's state from outside any connection, and publishes. fn
// gets the state (the zero R where there is none) and answers what to do, as an
// outcome would; it is pure, and is called again after a conflict. If it answers
// neither a change nor a publication, nothing happens.
//
// An error that wraps broker.ErrOutcomeUnknown says that ctx ended, five minutes
// passed, or the broker was closed before it was known whether the update took
// place; with any other error it did not. After Shutdown it is [ErrShutdown].
func (i *Instance[C, R]) Update(ctx context.Context, room string, fn func(R) (core.Change[R], []core.Publication)) error {
	err := i.outside(ctx, room, func(key broker.Key) error {
		rec, err := i.b.Load(ctx, key, false)
		for err == nil {
			var c broker.Commit
			if c, err = decideUpdate(rec, fn); err != nil || c.Value.Op == broker.Keep && len(c.Messages) == 0 {
				return err
			}
			err = i.commit(ctx, key, c)
			var conflict *broker.Conflict
			if !errors.As(err, &conflict) {
				return err
			}
			rec, err = conflict.Record, ctx.Err()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("instance: update %q: %w", room, err)
	}
	return nil
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
	case core.Keep:
	case core.OpPut:
		c.Value.Op = broker.Put
		if c.Value.Value, err = json.Marshal(change.Value); err != nil {
			return c, err
		}
	case core.OpDelete:
		if rec.Value != nil {
			c.Value.Op = broker.Delete
		}
	default:
		return c, errors.New("a Change with an unknown Op: use Put or Delete")
	}
	c.Messages, err = publications(pubs)
	return c, err
}

// Members lists who is in a room, over all instances, sorted by connection. The
// slice is the caller's.
func (i *Instance[C, R]) Members(ctx context.Context, room string) ([]Member[C], error) {
	var members []Member[C]
	err := i.outside(ctx, room, func(key broker.Key) error {
		rec, err := i.b.Load(ctx, key, true)
		members = make([]Member[C], len(rec.Members))
		for n, m := range rec.Members {
			s, err := core.DecodeMember(m.Data)
			if err == nil {
				err = s.Data.Decode(&members[n].Data)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", m.ID, err)
			}
			members[n].Conn, members[n].Instance, members[n].Identity = core.ConnID(m.ID), s.Instance, s.Identity
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("instance: members of %q: %w", room, err)
	}
	return members, nil
}

// outside calls do, unless there is something wrong that is common to what comes
// from outside.
func (i *Instance[C, R]) outside(ctx context.Context, room string, do func(broker.Key) error) error {
	switch {
	case room == "":
		return errors.New("an empty room key is no room")
	case i.life.Err() != nil:
		return ErrShutdown
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return do(broker.Key{Namespace: i.in.Name, Room: room})
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
// or ctx ends. A writer whose last commit may still be on the way is left behind.
func (i *Instance[C, R]) commit(ctx context.Context, key broker.Key, c broker.Commit) error {
	c.ID = i.writers.take()
	c.ID.N++
	_, err := broker.Settle(ctx, i.b, key, c)
	if !errors.Is(err, broker.ErrOutcomeUnknown) && !errors.Is(err, broker.ErrStale) {
		i.writers.give(c.ID)
	}
	return err
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
