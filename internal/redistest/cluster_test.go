package redistest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, 3, time.Second)
	if n := len(c.Addrs()); n != 3 {
		t.Fatalf("%d addresses", n)
	}
	// Each node serves a third of the keys, and says where the others are.
	owners := map[int]string{}
	for i := 0; len(owners) < 3; i++ {
		key := fmt.Sprint("key", i)
		owner := must[int](t)(c.Owner(key))
		owners[owner] = key
		want(t, c.Node(owner), "OK", "SET", key, "1")
		_, err := c.Node((owner+1)%3).Command("GET", key)
		if err == nil || !strings.Contains(err.Error(), "MOVED") || !strings.HasSuffix(err.Error(), c.Addrs()[owner]) {
			t.Fatalf("%s of another node: %v", key, err)
		}
	}

	// Without a replica the cluster is down once a primary is taken for dead, and
	// back with it.
	do(t, c.Kill(1))
	do(t, until(func() error {
		_, err := c.Node(0).Command("GET", owners[0])
		if err == nil || !strings.Contains(err.Error(), "CLUSTERDOWN") {
			return fmt.Errorf("a cluster that is not down: %w", err)
		}
		return nil
	}))
	do(t, c.Restart(1))
	want(t, c.Node(0), "1", "GET", owners[0])
	want(t, c.Node(1), "1", "GET", owners[1])

	replica := c.AddReplica(1)
	if replica != 3 || len(c.Addrs()) != 4 {
		t.Fatalf("the replica is node %d of %v", replica, c.Addrs())
	}
	do(t, c.Kill(1))
	do(t, c.Settle())
	if owner := must[int](t)(c.Owner(owners[1])); owner != replica {
		t.Errorf("node %d serves %s; want %d, which was a replica of the one killed", owner, owners[1], replica)
	}
	want(t, c.Node(replica), "1", "GET", owners[1])
}
