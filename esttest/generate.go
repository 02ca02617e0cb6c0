package esttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
)

// What the model gives, and whose fault it is where one of its functions panics.

// fill generates what a step needs; false if there is nothing.
func (s *sim[C, R]) fill(ch *choice, r *rand.Rand) bool {
	switch ch.do {
	case send:
		text, ok := s.generate(s.conns[ch.at], int(r.Uint64()>>1))
		ch.text = text
		return ok
	case outside:
		ch.text = strconv.Itoa(int(r.Uint64() >> 1))
	}
	return true
}

// generate is what the model has a client send next; false if nothing.
func (s *sim[C, R]) generate(c *conn[C, R], seed int) (text string, ok bool) {
	v, ok := example("Client", func() *rapid.Generator[any] { return s.model.Client(c.view()) }, seed)
	if !ok {
		return "", false
	}
	if m, raw := v.(core.Message); raw {
		return string(m), true
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(modelError(fmt.Sprintf("Client generated a %T that JSON can't encode: %v", v, err)))
	}
	return string(b), true
}

func (s *sim[C, R]) handshake(c *conn[C, R]) core.Handshake {
	defer blame("Handshake")
	return s.model.Handshake(c.view())
}

func (c *conn[C, R]) view() ClientView {
	return ClientView{index: c.name.client - 1, life: c.name.life - 1, sent: c.sent, seen: c.seen}
}

// example draws a value; false if the model has no generator for now.
func example[T any](what string, generator func() *rapid.Generator[T], seed int) (v T, ok bool) {
	defer blame(what)
	g := generator()
	if g == nil {
		return v, false
	}
	return g.Example(seed), true
}

// modelError is a panic for which the model is to blame, and not the integration.
type modelError string

// blame makes a panic of the model's one that says so.
func blame(what string) {
	switch v := recover().(type) {
	case nil:
	case modelError:
		panic(v)
	default:
		panic(modelError(fmt.Sprintf("%s panicked: %v%s", what, v, where())))
	}
}
