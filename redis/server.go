package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
)

// oldest is the oldest version of Redis that we have tried.
const oldest = "6.2"

// checkClient refuses clients that don't reach the one place where a room is.
func checkClient(client goredis.UniversalClient) error {
	switch c := client.(type) {
	case nil:
		return errors.New("redis: there is no client")
	case *goredis.Ring:
		return errors.New("redis: a Ring spreads keys and topics over servers that know nothing of each other: use a ClusterClient, or one server")
	case *goredis.ClusterClient:
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return errors.New("redis: the ClusterClient reads from replicas, which may be behind: set neither ReadOnly nor RouteByLatency nor RouteRandomly")
		}
	}
	return nil
}

// try does once all that the server will be asked to do, and leaves nothing behind.
func (b *Broker) try(client goredis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.checkServer(ctx); err != nil {
		return err
	}
	id := rand.Text()
	key := broker.Key{Room: "try " + id}
	n := b.names(key)
	err := b.tryCommits(ctx, key, id)
	if err == nil {
		err = trySubscribing(ctx, client, n.topic)
	}
	unlinked := b.calls.do(ctx, goredis.NewIntCmd(ctx, "unlink", n.record, n.members, n.recent, n.older))
	if err = cmp.Or(err, unlinked); err != nil {
		return fmt.Errorf("redis: the server doesn't do what is needed (the package comment lists the permissions): %w", err)
	}
	return nil
}

// tryCommits goes all ways through the scripts.
func (b *Broker) tryCommits(ctx context.Context, key broker.Key, writer string) error {
	id := func(n uint64) broker.CommitID { return broker.CommitID{Writer: writer, N: n} }
	first := broker.Commit{
		ID: id(1), Value: broker.Change{Op: broker.Put}, Members: []broker.MemberChange{{Op: broker.Add, ID: "m"}}, Messages: [][]byte{nil},
	}
	for _, try := range []struct {
		commit    broker.Commit
		retention string
	}{
		{first, b.retention},
		{first, b.retention},            // it is known
		{broker.Commit{ID: id(2)}, "0"}, // receipts are old
		{broker.Commit{ID: id(3), Value: broker.Change{Op: broker.Delete}, Members: []broker.MemberChange{{Op: broker.Remove, ID: "m"}}}, b.retention},
	} {
		if _, err := b.commit(ctx, key, try.commit, try.retention); err != nil {
			return err
		}
	}
	if _, err := b.load(ctx, key, true); err != nil {
		return err
	}
	return b.calls.do(ctx, goredis.NewCmd(ctx, "eval", "return 1", 0)) // for a server that doesn't know a script
}

// trySubscribing subscribes to a topic and ends that.
func trySubscribing(ctx context.Context, client goredis.UniversalClient, topic string) (err error) {
	pubsub := client.Subscribe(ctx)
	defer func() { err = cmp.Or(err, pubsub.Close()) }()
	for _, do := range []func(context.Context, ...string) error{pubsub.Subscribe, pubsub.Unsubscribe} {
		if err := do(ctx, topic); err != nil {
			return err
		}
		if _, err := pubsub.ReceiveTimeout(ctx, 5*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// checkServer looks at what the server says of itself. One that doesn't say is
// taken as it is.
func (b *Broker) checkServer(ctx context.Context) error {
	cmd := goredis.NewStringCmd(ctx, "info")
	if err := b.calls.do(ctx, cmd); err != nil {
		return fmt.Errorf("redis: the server doesn't answer INFO: %w", err)
	}
	info := map[string]string{}
	for line := range strings.Lines(cmd.Val()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	if v := info["redis_version"]; v != "" && olderThan(v, oldest) {
		return fmt.Errorf("redis: the server has version %s: %s or later is needed", v, oldest)
	}
	if most := info["maxmemory"]; most != "" && most != "0" && info["maxmemory_policy"] != "noeviction" {
		return fmt.Errorf("redis: the server takes memory back as it likes (maxmemory-policy is %s), so rooms would get lost: set it to noeviction", info["maxmemory_policy"])
	}
	return nil
}

// olderThan compares versions by their first two numbers.
func olderThan(version, than string) bool {
	var a, b [2]int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a[0], &a[1]); n != 2 {
		return false
	}
	if n, _ := fmt.Sscanf(than, "%d.%d", &b[0], &b[1]); n != 2 {
		return false
	}
	return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
}
