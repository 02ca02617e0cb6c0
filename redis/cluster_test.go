package redis_test

import (
	"errors"
	"fmt"
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
	// As patient as Redis is by default, since no node is dead for long here: on a busy machine one may be
	// silent for a second, and then a message would be lost on its way.
	cluster := redistest.StartCluster(t, 3, 15*time.Second)
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
			return open(goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: cluster.Addrs(), Dialer: w.dial}), w, small)
		},
		Subscriptions: func() (int, error) { return subscriptions(small.Prefix, nodes...) },
		Limits:        smallLimits,
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
	var nodes []*goredis.Client
	var spies []*goredis.PubSub
	for _, addr := range cluster.Addrs() {
		node := goredis.NewClient(&goredis.Options{Addr: addr})
		defer node.Close()
		spy := node.Subscribe(t.Context(), topicOf(key))
		defer spy.Close()
		if _, err := spy.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		nodes, spies = append(nodes, node), append(spies, spy)
	}

	l := listen(t, h, key)
	// With a value, so that the record isn't forgotten while we look away.
	settle(t, h, key, broker.Commit{ID: id(), Value: put("state"), Messages: [][]byte{[]byte("first")}})
	l.message(t, "first")
	var frame *goredis.Message
	for _, spy := range spies { // all of them, so that only what follows is late
		if frame, err = spy.ReceiveMessage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	w.cut()
	if gap := l.next(t); !errors.Is(gap.gap, redis.ErrReconnected) {
		t.Fatalf("heard %v; want a gap", gap)
	}
	if err := nodes[owner].Publish(t.Context(), frame.Channel, frame.Payload).Err(); err != nil {
		t.Fatal(err)
	}
	publish(t, h, key, "second")
	for e := l.next(t); string(e.message.Body) != "second"; e = l.next(t) {
		// So late a message can't be on its way any more: it may be from a store that
		// went back, and is told of, after a gap.
		if time.Since(began) <= time.Second {
			t.Fatalf("heard %v; want the second message", e)
		}
	}
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
