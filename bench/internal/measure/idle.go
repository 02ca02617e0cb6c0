package measure

import (
	"fmt"

	"github.com/spinneyio/est/bench/internal/load"
	"github.com/spinneyio/est/bench/internal/server"
)

// Memory is what each connection takes in a server, after the collector has given
// back what it can: idle, and again after each has sent a message and got it back.
type Memory struct {
	Goroutines    float64
	Before, After Use
}

// Use is in bytes.
type Use struct{ Resident, Heap, Stacks float64 }

// Idle measures v with that many connections.
func Idle(v Variant, connections int) (m Memory, err error) {
	b := &bed{}
	defer b.end()
	if m, err = b.idle(v, connections); err != nil {
		return m, fmt.Errorf("%s, idle: %w", v.Name, err)
	}
	return m, nil
}

func (b *bed) idle(v Variant, connections int) (m Memory, err error) {
	c := load.Config{Mode: load.Idle, Conns: connections}
	if err := b.serve(v, &c); err != nil {
		return m, err
	}
	s := b.servers[0]
	zero, err := s.stat("free")
	if err != nil {
		return m, err
	}
	if err := b.connect(c); err != nil {
		return m, err
	}
	before, err := s.stat("free")
	if err != nil {
		return m, err
	}
	if err := b.goOn("READY", nil); err != nil {
		return m, err
	}
	if err := b.goOn("RESULT", nil); err != nil {
		return m, err
	}
	after, err := s.stat("free")
	if err != nil {
		return m, err
	}
	per := float64(connections)
	use := func(s server.Stat) Use {
		return Use{
			Resident: float64(s.Resident-zero.Resident) / per,
			Heap:     (float64(s.Heap) - float64(zero.Heap)) / per,
			Stacks:   (float64(s.Stacks) - float64(zero.Stacks)) / per,
		}
	}
	return Memory{float64(before.Goroutines-zero.Goroutines) / per, use(before), use(after)}, nil
}
