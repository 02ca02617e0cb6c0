package esttest

import (
	"errors"
	"fmt"
	"strconv"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
)

// Outside is a Publish or an Update from outside any connection, as an instance
// has them. Build it with [OutsidePublish] or [OutsideUpdate].
type Outside struct {
	room    string
	publish []core.Publication
	update  any // func(R) (core.Change[R], []core.Publication)
}

// OutsidePublish is a Publish to a room.
func OutsidePublish(room string, p ...core.Publication) Outside {
	return Outside{room: room, publish: p}
}

// OutsideUpdate is an Update of a room. fn is pure, and may be called again.
func OutsideUpdate[R any](room string, fn func(R) (core.Change[R], []core.Publication)) Outside {
	return Outside{room: room, update: fn}
}

func (s *sim[C, R]) runOutside(seed string) {
	n, err := strconv.Atoi(seed)
	if err != nil {
		panic(modelError("an outside step needs the seed of its generator, a number"))
	}
	o, ok := example("Outside", func() *rapid.Generator[Outside] { return s.model.Outside(s.world()) }, n)
	if !ok {
		return
	}
	fx, err := s.decideOutside(o)
	if err != nil {
		panic(modelError("Outside: " + err.Error()))
	}
	s.tellf(lane{}, theStore, false, "from outside, to %s: %s", strconv.Quote(o.room), s.committing(fx, nil))
	s.outsideCommit(o.room, fx)
}

func (s *sim[C, R]) decideOutside(o Outside) (fx core.Commit, err error) {
	if o.room == "" {
		return fx, errors.New("the room is \"\": that is no room")
	}
	fx.Any = true
	pubs := o.publish
	if o.update != nil {
		fn, ok := o.update.(func(R) (core.Change[R], []core.Publication))
		if !ok {
			return fx, fmt.Errorf("OutsideUpdate has a %T, and the room state is another type", o.update)
		}
		var state R
		if v := valueOf(s.record(o.room).state); v != nil {
			if err := core.Message(v).Decode(&state); err != nil {
				return fx, err
			}
		}
		var change core.Change[R]
		change, pubs = callUpdate(fn, state)
		fx.Op = change.Op
		if change.Op == core.OpPut {
			if fx.Value, err = marshal(change.Value); err != nil {
				return fx, err
			}
		}
	}
	for _, p := range pubs {
		b, err := core.EncodePublication("", p)
		if err != nil {
			return fx, err
		}
		fx.Messages = append(fx.Messages, b)
	}
	return fx, nil
}

func callUpdate[R any](fn func(R) (core.Change[R], []core.Publication), state R) (core.Change[R], []core.Publication) {
	defer blame("the function of an Update from outside")
	return fn(state)
}

// outsideCommit commits as nobody's instance.
func (s *sim[C, R]) outsideCommit(key string, fx core.Commit) {
	s.foreign++
	fx.N = 1
	ev := s.commit(fmt.Sprintf("x%d", s.foreign), key, fx, nil)
	if refused, ok := ev.(core.Refused); ok {
		panic(modelError("Outside: " + refused.Reason))
	}
}
