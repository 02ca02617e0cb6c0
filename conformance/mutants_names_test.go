package conformance_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

// renaming is what the handles of a store share that gives versions and epochs
// other names: 1, 2, 3, …
type renaming struct {
	mu               sync.Mutex // protects what follows
	versions, epochs names
}

// names has the number of each name.
type names map[string]int

// short is the number of long, a new one if it has none. "" stays.
func (n names) short(long string) string {
	if long == "" {
		return ""
	}
	if n[long] == 0 {
		n[long] = len(n) + 1
	}
	return strconv.Itoa(n[long])
}

// long is the name with that number, or one that nothing has.
func (n names) long(short string) string {
	if short == "" {
		return ""
	}
	for long, number := range n {
		if strconv.Itoa(number) == short {
			return long
		}
	}
	return "\x00"
}

// renamed is the good remote, but for the names and for what faults does to them.
func renamed(faults func(*renaming, *conformance.Faults)) conformance.Harness {
	n := &renaming{versions: names{}, epochs: names{}}
	return twistRemote(n.twist, nil, func(_ *server, f *conformance.Faults) { faults(n, f) })
}

// remember lets a rollback bring back names that were given.
func (n *renaming) remember(which *names, f *conformance.Faults) {
	rollback := f.Rollback
	f.Rollback = func() (func() error, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		backup := maps.Clone(*which)
		restore, err := rollback()
		return func() error {
			n.mu.Lock()
			defer n.mu.Unlock()
			*which = backup
			return restore()
		}, err
	}
}

func (n *renaming) twist() twist {
	return twist{
		load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
			r, err := b.Load(ctx, key, members)
			return n.record(r), err
		},
		commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
			if c.Expect != nil {
				n.mu.Lock()
				expect := broker.Version(n.versions.long(string(*c.Expect)))
				n.mu.Unlock()
				c.Expect = &expect
			}
			r, err := b.Commit(ctx, key, c)
			if conflict, ok := errors.AsType[*broker.Conflict](err); ok {
				err = &broker.Conflict{Record: n.record(conflict.Record), Gone: conflict.Gone}
			}
			return broker.Receipt{Version: n.version(r.Version), At: n.position(r.At)}, err
		},
		subscribe: func(b broker.Broker, ctx context.Context, key broker.Key, h broker.Handler) (broker.Subscription, error) {
			inner := h.Message
			h.Message = func(m broker.Message) {
				m.At, m.Version = n.position(m.At), n.version(m.Version)
				inner(m)
			}
			return b.Subscribe(ctx, key, h)
		},
	}
}

func (n *renaming) record(r broker.Record) broker.Record {
	r.Version, r.At = n.version(r.Version), n.position(r.At)
	return r
}

func (n *renaming) version(v broker.Version) broker.Version {
	n.mu.Lock()
	defer n.mu.Unlock()
	return broker.Version(n.versions.short(string(v)))
}

func (n *renaming) position(p broker.Position) broker.Position {
	n.mu.Lock()
	defer n.mu.Unlock()
	p.Epoch = n.epochs.short(p.Epoch)
	return p
}
