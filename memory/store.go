package memory

import (
	"hash/maphash"
	"time"

	"github.com/spinneyio/est/broker"
)

// store is the rooms, and all that its handles share. It knows a handle only by
// its subscriptions, so nothing of one that is closed stays.
type store struct {
	options   Options
	seed      maphash.Seed
	shards    [64]shard
	retention retention
}

func newStore(o *Options) *store {
	st := &store{seed: maphash.MakeSeed()}
	if o != nil {
		st.options = *o
	}
	setDefault(&st.options.Queue, 1024)
	setDefault(&st.options.Retention, 10*time.Minute)
	setDefault(&st.options.MaxValue, 8<<20)
	setDefault(&st.options.MaxKey, 64<<10)
	st.retention.start = time.Now()
	st.retention.keep = st.options.Retention
	for i := range st.shards {
		st.shards[i].rooms = map[broker.Key]*room{}
	}
	return st
}

func setDefault[T int | time.Duration](option *T, v T) {
	if *option <= 0 {
		*option = v
	}
}

func (st *store) open() *Broker {
	b := &Broker{store: st, idle: make(chan struct{})}
	b.running.Store(1)
	return b
}

func (st *store) shard(key broker.Key) *shard {
	return &st.shards[maphash.Comparable(st.seed, key)%uint64(len(st.shards))]
}
