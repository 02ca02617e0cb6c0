package conformance_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var concurrencyMutants = []mutant{{
	name: "versions are compared, then the commit is written",
	rule: "concurrency/no-lost-update",
	harness: func() conformance.Harness {
		return twistMemory(func() twist { return twist{commit: lookThenWrite} })
	},
}, {
	name: "each handle has a lock of its own",
	rule: "concurrency/no-lost-update",
	harness: func() conformance.Harness {
		return twistMemory(func() twist {
			lock := make(chan struct{}, 1) // not a Mutex, under which no moment would end
			return twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
				lock <- struct{}{}
				defer func() { <-lock }()
				return lookThenWrite(b, ctx, key, c)
			}}
		})
	},
}, {
	name: "the record is read, Apply is asked, and what it says is written: without a lock",
	rule: "concurrency/no-lost-update",
	harness: func() conformance.Harness {
		return twistRemote(nil, func(w *ways) {
			w.decided = func(s *server) {
				s.mu.Unlock()
				pause(time.Millisecond)
				s.mu.Lock()
			}
		}, nil)
	},
}, {
	name:    "loads at the same time are one load",
	rule:    "concurrency/real-time-order",
	harness: func() conformance.Harness { return twistMemory(sharedLoads) },
}, {
	name: "value and members are read one after the other",
	rule: "concurrency/no-torn-reads",
	harness: readTwice(func(first, second broker.Record) broker.Record {
		first.Members = second.Members
		return first
	}),
}, {
	name: "value and position are read one after the other",
	rule: "concurrency/no-torn-reads",
	harness: readTwice(func(first, second broker.Record) broker.Record {
		first.At = second.At
		return first
	}),
}, {
	name:    "without members, value and position are read one after the other",
	rule:    "concurrency/no-torn-reads",
	harness: tornGlances,
}, {
	name: "the list of members is written back whole",
	rule: "concurrency/members",
	harness: func() conformance.Harness {
		return twistMemory(func() twist { return twist{commit: wholeLists} })
	},
}, {
	name:    "whether a delete may be is looked up, then the value is deleted",
	rule:    "concurrency/one-version",
	harness: looking(broker.Delete),
}, {
	name:    "versions are compared, then a commit that only reads is answered",
	rule:    "concurrency/one-version",
	harness: looking(broker.Keep),
}, {
	name:    "members are looked up, then they are removed",
	rule:    "concurrency/removed-once",
	harness: eachMemory(twist{commit: removesTwice}),
}, {
	name:    "the id is looked for, then the commit is written",
	rule:    "concurrency/same-commit-at-once",
	harness: lateIDs,
}}

// looking is lookThenWrite for commits of one kind.
func looking(op broker.Op) func() conformance.Harness {
	return eachMemory(twist{commit: func(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
		if c.Value.Op != op {
			return b.Commit(ctx, key, c)
		}
		return lookThenWrite(b, ctx, key, c)
	}})
}

// removesTwice looks whether the members that it needs are there, and then removes them.
func removesTwice(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	r, err := b.Load(ctx, key, true)
	if err != nil {
		return broker.Receipt{}, err
	}
	there := func(id string) bool {
		return slices.ContainsFunc(r.Members, func(m broker.Member) bool { return m.ID == id })
	}
	if len(c.Members) != 1 || c.Members[0].Op != broker.Remove || c.Expect != nil || !there(c.Members[0].ID) {
		return b.Commit(ctx, key, c)
	}
	pause(time.Millisecond)
	receipt, err := b.Commit(ctx, key, c)
	if _, ok := errors.AsType[*broker.Conflict](err); ok { // it has just been removed
		c.Members = nil
		return b.Commit(ctx, key, c)
	}
	return receipt, err
}

func lookThenWrite(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	r, err := b.Load(ctx, key, false)
	if err != nil {
		return broker.Receipt{}, err
	}
	if c.Expect != nil && *c.Expect == r.Version {
		pause(time.Millisecond)
		c.Expect = nil
	}
	return b.Commit(ctx, key, c)
}

// sharedLoads lets who loads what somebody else is about to get wait for that.
func sharedLoads() twist {
	type what struct {
		key     broker.Key
		members bool
	}
	type flight struct {
		done   chan struct{}
		record broker.Record
		err    error
	}
	var mu sync.Mutex // protects flights
	flights := map[what]*flight{}
	return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
		w := what{key, members}
		mu.Lock()
		f := flights[w]
		if f != nil {
			mu.Unlock()
			<-f.done
			return f.record, f.err
		}
		f = &flight{done: make(chan struct{})}
		flights[w] = f
		mu.Unlock()
		f.record, f.err = b.Load(ctx, key, members)
		pause(time.Millisecond)
		mu.Lock()
		delete(flights, w)
		mu.Unlock()
		close(f.done)
		return f.record, f.err
	}}
}

// readTwice reads each record in two steps.
func readTwice(join func(first, second broker.Record) broker.Record) func() conformance.Harness {
	return eachMemory(twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
		first, err := b.Load(ctx, key, members)
		if err != nil {
			return broker.Record{}, err
		}
		pause(time.Millisecond)
		second, err := b.Load(ctx, key, members)
		return join(first, second), err
	}})
}

// tornGlances reads a record without members in two steps.
func tornGlances() conformance.Harness {
	torn := readTwice(func(first, second broker.Record) broker.Record {
		first.At = second.At
		return first
	})()
	open := torn.Open
	torn.Open = func() (broker.Broker, error) {
		b, err := open()
		return &twisted{b, twist{load: func(torn broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
			if members {
				return torn.(*twisted).Broker.Load(ctx, key, true)
			}
			return torn.Load(ctx, key, false)
		}}}, err
	}
	return torn
}

// wholeLists reads the members, changes the list, and writes it back, if the
// commit takes any version.
func wholeLists(b broker.Broker, ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	if c.Expect != nil || len(c.Members) == 0 {
		return b.Commit(ctx, key, c)
	}
	read, err := b.Load(ctx, key, true)
	if err != nil {
		return broker.Receipt{}, err
	}
	pause(time.Millisecond)
	now, err := b.Load(ctx, key, true)
	if err != nil {
		return broker.Receipt{}, err
	}
	known := map[string]bool{}
	for _, m := range read.Members {
		known[m.ID] = true
	}
	for _, m := range c.Members {
		known[m.ID] = true
	}
	for _, m := range now.Members {
		if !known[m.ID] {
			c.Members = append(c.Members, broker.MemberChange{Op: broker.Remove, ID: m.ID})
		}
	}
	return b.Commit(ctx, key, c)
}
