package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/redis"
)

// brokers are what the instances share a store by: each has one of its own.
type brokers struct {
	each    []broker.Broker
	clients []*goredis.Client // one for each broker on Redis
}

// parseURL reads what -redis says. Its errors don't repeat that, as it may have a
// password in it.
func parseURL(text string) (*goredis.Options, error) {
	o, err := goredis.ParseURL(text)
	if bad, ok := errors.AsType[*url.Error](err); ok {
		err = bad.Err
	}
	if err != nil {
		return nil, fmt.Errorf("-redis: %w", err)
	}
	return o, nil
}

// openBrokers opens n brokers: on the Redis of o, or if that is nil in the memory of
// this process. Each one on Redis has a client of its own, as it would in a process
// of its own.
func openBrokers(o *goredis.Options, n int) (*brokers, error) {
	b := &brokers{}
	if o == nil {
		first := memory.New(nil)
		b.each = append(b.each, first)
		for len(b.each) < n {
			b.each = append(b.each, first.Open())
		}
		return b, nil
	}
	for range n {
		client := goredis.NewClient(o)
		b.clients = append(b.clients, client)
		each, err := redis.New(client, &redis.Options{Prefix: "consult"})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("-redis, at %s: %w", o.Addr, err), b.close(context.Background()))
		}
		b.each = append(b.each, each)
	}
	return b, nil
}

// close closes the brokers, which no instance may use any more, and then their
// clients.
func (b *brokers) close(ctx context.Context) error {
	var errs []error
	for _, each := range b.each {
		errs = append(errs, each.Close(ctx))
	}
	for _, client := range b.clients {
		errs = append(errs, client.Close())
	}
	return errors.Join(errs...)
}
