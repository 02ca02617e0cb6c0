package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
)

// oldest is the oldest version of Redis that we have tried.
const oldest = "6.2"

// try makes a commit and drops it, to see that the server does all that we need.
func (b *Broker) try() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.checkServer(ctx); err != nil {
		return err
	}
	id := rand.Text()
	key := broker.Key{Room: "try " + id}
	_, err := b.commit(ctx, key, broker.Commit{
		ID:    broker.CommitID{Writer: id, N: 1},
		Value: broker.Change{Op: broker.Put}, Members: []broker.MemberChange{{Op: broker.Add, ID: "m"}}, Messages: [][]byte{nil},
	})
	if err == nil {
		_, err = b.load(ctx, key, true)
	}
	if err != nil {
		return fmt.Errorf("redis: the server doesn't take a commit: %w", err)
	}
	n := b.names(key)
	if err := b.calls.do(ctx, goredis.NewIntCmd(ctx, "del", n.record, n.members, n.recent)); err != nil {
		return fmt.Errorf("redis: the server doesn't delete a key: %w", err)
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
