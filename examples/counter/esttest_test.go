package main

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
)

// Whatever goes wrong on the way: what was answered has been added.
func TestIntegration(t *testing.T) {
	esttest.Check(t, Counter, esttest.Model[string, Count]{
		Client: func(c esttest.ClientView) *rapid.Generator[any] {
			if c.Sent() == 0 {
				return rapid.Just[any]("everyone")
			}
			return rapid.Just[any](map[string]int{"add": 1})
		},
		Always: func(w *esttest.World[string, Count]) error {
			sum := w.Rooms()["everyone"].Sum
			for _, c := range w.Clients() {
				answers := c.Received()
				if len(answers) == 0 {
					continue
				}
				var last Count
				if err := answers[len(answers)-1].Decode(&last); err != nil {
					return err
				}
				if last.Sum > sum {
					return fmt.Errorf("%d was answered, and the sum is %d", last.Sum, sum)
				}
			}
			return nil
		},
	}, nil)
}
