package redis_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
)

// A slot moves to another node under running updates. In between, what is only in
// part where it was is refused (TRYAGAIN), and answered when all of it has moved.
func testClusterMove(t *testing.T, cluster *redistest.Cluster) {
	t.Parallel()
	key := roomOf(t)
	h := must(t, goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: cluster.Addrs()}), small)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := listen(t, h, key)
	counted := make(chan int, 1000)
	var counting sync.WaitGroup
	stop, stopped := context.WithCancel(ctx)
	defer stopped()
	counting.Go(func() {
		defer close(counted)
		for stop.Err() == nil {
			n := 0
			err := broker.Update(ctx, h, key, func(old []byte, _ bool) (broker.Change, error) {
				if old != nil {
					var err error
					if n, err = strconv.Atoi(string(old)); err != nil {
						return broker.Change{}, err
					}
				}
				n++
				return broker.Change{Op: broker.Put, Value: []byte(strconv.Itoa(n))}, nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case counted <- n:
			case <-stop.Done():
			}
		}
	})
	last := <-counted
	if last != 1 {
		t.Fatalf("counted %d", last)
	}
	move(t, cluster, recordOf(key))
	for range 3 {
		last = <-counted
	}
	stopped()
	for n := range counted {
		last = n
	}
	counting.Wait()
	r, err := h.Load(ctx, key, false)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(string(r.Value)); err != nil || n < last || n > last+1 { // the last may not have been told
		t.Errorf("counted to %d, and %q is there", last, r.Value)
	}
	publish(t, h, key, "after")
	for e := l.next(t); string(e.message.Body) != "after"; e = l.next(t) {
		if e.gap == nil {
			t.Fatalf("heard %v", e)
		}
	}
}

// move gives the slot of a key to the next node.
func move(t *testing.T, c *redistest.Cluster, key string) {
	t.Helper()
	do := func(n *redistest.Server, args ...string) any {
		t.Helper()
		answer, err := n.Command(args...)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	owner, err := c.Owner(key)
	if err != nil {
		t.Fatal(err)
	}
	nodes := nodesOf(c)
	from, to := nodes[owner], nodes[(owner+1)%len(nodes)]
	slot := fmt.Sprint(do(from, "CLUSTER", "KEYSLOT", key))
	fromID, toID := do(from, "CLUSTER", "MYID").(string), do(to, "CLUSTER", "MYID").(string)
	do(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	do(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	for _, name := range do(from, "CLUSTER", "GETKEYSINSLOT", slot, "100").([]any) {
		do(from, "MIGRATE", "127.0.0.1", portOf(to), name.(string), "0", "5000")
	}
	for _, n := range []*redistest.Server{to, from} {
		do(n, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
	if err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	if now, err := c.Owner(key); err != nil || now == owner {
		t.Fatalf("the slot is at node %d, %v", now, err)
	}
}
