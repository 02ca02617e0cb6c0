package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	t.Run("together", func(t *testing.T) {
		t.Run("late", func(t *testing.T) { testClusterLate(t, cluster) })
		t.Run("slots", func(t *testing.T) { testClusterSlots(t, cluster) })
		t.Run("move", func(t *testing.T) { testClusterMove(t, cluster) })
	})
	t.Run("conformance", func(t *testing.T) { testClusterConformance(t, cluster) })
}

// The nodes have no replicas, so all of them come back from what happens to the
// store.
func testClusterConformance(t *testing.T, cluster *redistest.Cluster) {
	nodes := nodesOf(cluster)
	o, limits := small, smallLimits
	o.Retention = 4 * time.Second // a restart takes two
	limits.Retention = o.Retention
	faults := wayFaults()
	faults.Restart = func() error { return again(cluster, func(n *redistest.Server) error { return n.Restart(true) }) }
	faults.Empty = func() error {
		// A node's data says who it is, so it must not be lost.
		return again(cluster, func(n *redistest.Server) error {
			if _, err := n.Command("FLUSHALL", "SYNC"); err != nil {
				return err
			}
			return n.Restart(true)
		})
	}
	faults.Rollback = func() (func() error, error) {
		back := map[*redistest.Server]func() error{}
		for _, n := range nodes {
			var err error
			if back[n], err = n.Snapshot(); err != nil {
				return nil, err
			}
		}
		return func() error { return again(cluster, func(n *redistest.Server) error { return back[n]() }) }, nil
	}
	conformance.Run(t, conformance.Harness{
		Open: func() (broker.Broker, error) {
			w := newWays(t, cluster.Addrs()...)
			return open(goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: cluster.Addrs(), Dialer: w.dial}), w, o)
		},
		Subscriptions: func() (int, error) { return subscriptions(small.Prefix, nodes...) },
		Limits:        limits,
		Faults:        faults,
	})
}

func nodesOf(c *redistest.Cluster) (nodes []*redistest.Server) {
	for i := range c.Addrs() {
		nodes = append(nodes, c.Node(i))
	}
	return nodes
}

// again lets all nodes come back, and returns when the cluster is as it should be.
func again(c *redistest.Cluster, how func(*redistest.Server) error) error {
	for _, n := range nodesOf(c) {
		if err := how(n); err != nil {
			return err
		}
	}
	return c.Settle()
}

// In a cluster messages come by way of other nodes, which may be late: also over a
// connection that was made after them.
func testClusterLate(t *testing.T, cluster *redistest.Cluster) {
	t.Parallel()
	key := roomOf(t)
	w := newWays(t, cluster.Addrs()...)
	h, err := open(goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: cluster.Addrs(), Dialer: w.dial}), w, small)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, h)
	owner, err := cluster.Owner(recordOf(key)) // from where the next message comes too, so it can't be faster
	if err != nil {
		t.Fatal(err)
	}
	raw := goredis.NewClient(&goredis.Options{Addr: cluster.Addrs()[owner]})
	defer raw.Close()
	spy := raw.Subscribe(t.Context(), topicOf(key))
	defer spy.Close()
	if _, err := spy.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}

	l := listen(t, h, key)
	publish(t, h, key, "first")
	l.message(t, "first")
	frame, err := spy.ReceiveMessage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.cut()
	if gap := l.next(t); !errors.Is(gap.gap, redis.ErrReconnected) {
		t.Fatalf("heard %v; want a gap", gap)
	}
	if err := raw.Publish(t.Context(), frame.Channel, frame.Payload).Err(); err != nil {
		t.Fatal(err)
	}
	publish(t, h, key, "second")
	l.message(t, "second")
}

// All names of a room, whatever bytes it has, are in one slot, and so is its topic.
func testClusterSlots(t *testing.T, cluster *redistest.Cluster) {
	t.Parallel()
	h := must(t, goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: cluster.Addrs()}), small)
	rooms := []string{"", "}", "{", "{}", "}{", "a}b{c", "{a}", "%7D", "\x00\xff", "a:b", " \r\n", "*"}
	for i, namespace := range rooms {
		for _, room := range rooms {
			key := broker.Key{Namespace: t.Name() + namespace, Room: room}
			_, err := h.Commit(t.Context(), key, broker.Commit{
				ID:       broker.CommitID{Writer: "w", N: 1},
				Value:    broker.Change{Op: broker.Put, Value: []byte(room)},
				Members:  []broker.MemberChange{{Op: broker.Add, ID: fmt.Sprint(i)}},
				Messages: [][]byte{nil},
			})
			if err != nil {
				t.Fatalf("%q: %v", key, err)
			}
			r, err := h.Load(t.Context(), key, true)
			if err != nil || string(r.Value) != room || len(r.Members) != 1 || r.Members[0].ID != fmt.Sprint(i) {
				t.Fatalf("%q: %v, %v", key, r, err)
			}
		}
	}
}

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
	if n := <-counted; n != 1 {
		t.Fatalf("counted %d", n)
	}
	move(t, cluster, recordOf(key))
	for range 3 {
		<-counted
	}
	stopped()
	last := 0
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
