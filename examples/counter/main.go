// Command counter is the smallest integration with a conflict: two instances on
// one broker, and everyone adds to the same number at the same time.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
)

func main() {
	const clients, each = 8, 500
	count, err := run(context.Background(), memory.New(nil), clients, each)
	if err != nil {
		log.Fatal("counter: ", err)
	}
	fmt.Printf("%d clients on 2 instances added 1 %d times each: the sum is %d. %d additions were decided again.\n", clients, each, count.Sum, count.Retried)
}

// run lets clients add 1 as often as each says, half of them on each instance,
// and answers with what came of it.
func run(ctx context.Context, b broker.Broker, clients, each int) (last Count, err error) {
	var instances [2]*instance.Instance[string, Count]
	for i := range instances {
		if instances[i], err = instance.New(Counter, b, nil); err != nil {
			return last, err
		}
		defer func() { err = errors.Join(err, instances[i].Shutdown(ctx)) }()
	}
	errs := make([]error, clients)
	var adding sync.WaitGroup
	for c := range clients {
		adding.Go(func() { _, errs[c] = addUp(ctx, instances[c%2], 1, each) })
	}
	adding.Wait()
	last, err = addUp(ctx, instances[0], 0, 1) // adding nothing, to see the end
	return last, errors.Join(append(errs, err)...)
}
