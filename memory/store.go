package memory

import (
	"hash/maphash"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
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
	return &Broker{store: st, inboxes: inbox.NewGroup(st.options.Queue, ErrOverflow)}
}

func (st *store) shard(key broker.Key) *shard {
	return &st.shards[maphash.Comparable(st.seed, key)%uint64(len(st.shards))]
}
