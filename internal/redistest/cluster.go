package redistest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// slots is how many a cluster shares out.
const slots = 16384

// Cluster is a Redis cluster on 127.0.0.1. Its nodes are numbered: first the
// primaries that it began with, then the replicas in the order of [Cluster.AddReplica].
type Cluster struct {
	t        testing.TB
	patience time.Duration

	mu    sync.Mutex // protects nodes
	nodes []*Server
}

// StartCluster starts a cluster of some primaries without replicas, and returns
// when all nodes say that it is ok: after 2 seconds, which a node waits before it
// serves. A node is taken for dead after patience, and then the cluster serves
// nothing until the node or a replica of it is there. When a node was silent for half of
// it, the others make their links to it anew, and what was published meanwhile is lost.
//
// primaries must be at least 1; there is no failover with less than 3.
func StartCluster(t testing.TB, primaries int, patience time.Duration) *Cluster {
	t.Helper()
	c := &Cluster{t: t, patience: patience}
	for range primaries {
		c.nodes = append(c.nodes, c.startNode())
	}
	err := c.join()
	if err == nil {
		err = c.Settle()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Cluster) startNode() *Server {
	c.t.Helper()
	return Start(c.t, &Options{Args: []string{
		"--cluster-enabled", "yes", "--cluster-node-timeout", strconv.FormatInt(c.patience.Milliseconds(), 10),
		"--repl-diskless-sync-delay", "0",
	}})
}

// join shares out the slots and lets the nodes meet.
func (c *Cluster) join() error {
	for i, node := range c.nodes {
		if _, err := node.Command("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		add := []string{"CLUSTER", "ADDSLOTS"} // ADDSLOTSRANGE is younger than some servers
		for slot := i * slots / len(c.nodes); slot < (i+1)*slots/len(c.nodes); slot++ {
			add = append(add, strconv.Itoa(slot))
		}
		if _, err := node.Command(add...); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		if err := meet(node, c.nodes[0]); err != nil {
			return err
		}
	}
	return nil
}

// meet introduces node to another one; the rest of the cluster learn of it from that.
func meet(node, other *Server) error {
	_, err := node.Command("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(other.port))
	return err
}

// Addrs are where the nodes listen, by their numbers. The slice is the caller's.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, node := range c.all() {
		addrs = append(addrs, node.Addr())
	}
	return addrs
}

// Node is a node, with all that can be done to a server. Its data also says who
// it is in the cluster, so to restart it without it is to lose the node for ever.
func (c *Cluster) Node(i int) *Server { return c.all()[i] }

// Kill ends node i by SIGKILL.
func (c *Cluster) Kill(i int) error { return c.Node(i).Kill() }

// Restart starts node i again, with all that it had acknowledged, and returns when
// the cluster is as it should be: see [Cluster.Settle].
func (c *Cluster) Restart(i int) error {
	if err := c.Node(i).Restart(true); err != nil {
		return err
	}
	return c.Settle()
}

// Settle returns when all nodes that were not killed say that the cluster is ok:
// each slot is served, and by a node that was not killed, and what is published on one
// of them goes to all.
func (c *Cluster) Settle() error {
	nodes := c.all()
	for _, node := range nodes {
		err := until(func() error {
			if !node.runs() {
				return nil
			}
			return node.seesOK(nodes)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seesOK returns nil if for this node the cluster of these nodes is ok.
func (s *Server) seesOK(nodes []*Server) error {
	info, err := s.fields("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if info["cluster_state"] != "ok" || info["cluster_slots_ok"] != strconv.Itoa(slots) ||
		info["cluster_known_nodes"] != strconv.Itoa(len(nodes)) {
		return fmt.Errorf("redistest: %s sees a cluster that is not ok: %v", s.Addr(), info)
	}
	answer, err := s.Command("CLUSTER", "NODES")
	if err != nil {
		return err
	}
	table, _ := answer.(string)
	for line := range strings.Lines(table) {
		const flags, link, owned = 2, 7, 8 // fields; a node's slots begin at the last one
		fields := strings.Fields(line)
		for _, node := range nodes {
			switch {
			case len(fields) <= link || !strings.HasPrefix(fields[1], node.Addr()+"@"):
			case node.runs() && (strings.Contains(fields[flags], "handshake") || fields[link] != "connected"):
				return fmt.Errorf("redistest: %s and %s can't send each other messages yet", s.Addr(), node.Addr())
			case len(fields) > owned && !node.runs():
				return fmt.Errorf("redistest: for %s slots are served by %s, which was killed", s.Addr(), node.Addr())
			}
		}
	}
	return nil
}

// Owner is the number of the node that serves a key.
func (c *Cluster) Owner(key string) (int, error) {
	var err error
	for i, node := range c.all() {
		if _, err = node.Command("EXISTS", key); err == nil {
			return i, nil // the others say where to look
		}
	}
	return 0, err
}

// AddReplica starts a replica of node i, which must run, and returns its number when
// it is in sync and all nodes that run know it. It takes over about a second after node i was taken for dead.
// It needs the test's own goroutine.
func (c *Cluster) AddReplica(i int) int {
	c.t.Helper()
	replica := c.startNode()
	c.mu.Lock()
	c.nodes = append(c.nodes, replica)
	c.mu.Unlock()
	primary := c.Node(i)
	err := meet(replica, primary)
	if err == nil {
		err = c.follow(replica, primary)
	}
	if err == nil {
		err = c.Settle()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return len(c.all()) - 1
}

// follow makes a node the replica of another.
func (c *Cluster) follow(replica, primary *Server) error {
	id, err := primary.Command("CLUSTER", "MYID")
	if err != nil {
		return err
	}
	err = until(func() error { // until it has heard of the primary
		_, err := replica.Command("CLUSTER", "REPLICATE", id.(string))
		return err
	})
	if err != nil {
		return err
	}
	if err := until(replica.follows); err != nil {
		return err
	}
	for _, node := range c.all() {
		if !node.runs() {
			continue
		}
		err := until(func() error {
			answer, err := node.Command("CLUSTER", "REPLICAS", id.(string))
			if err == nil && !strings.Contains(fmt.Sprint(answer), replica.Addr()) {
				err = fmt.Errorf("redistest: %s does not know the replica", node.Addr())
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) all() []*Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Server(nil), c.nodes...)
}
