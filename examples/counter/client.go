package main

import (
	"context"

	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

// addUp is one client: it sends n as often as it is told, each time after the
// answer to the last, and answers with the count that it saw in the end.
func addUp(ctx context.Context, i transport.Acceptor, n, often int) (count Count, err error) {
	client, err := pipe.Dial(i, nil)
	if err != nil {
		return count, err
	}
	defer client.Close()
	if err := client.Send(ctx, "everyone"); err != nil {
		return count, err
	}
	for range often {
		if err := client.Send(ctx, map[string]int{"add": n}); err != nil {
			return count, err
		}
		answer, err := client.Receive(ctx)
		if err != nil {
			return count, err
		}
		if err := answer.Decode(&count); err != nil {
			return count, err
		}
	}
	return count, nil
}
