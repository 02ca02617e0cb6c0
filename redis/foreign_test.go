package redis_test

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
)

// Somebody else publishes to a topic of ours: that is a gap, and all goes on.
func TestForeignMessages(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	h := must(t, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), small)
	key := roomOf(t)
	l := listen(t, h, key)
	for _, payload := range []string{"", "hello", "e 0 v w ", "e 0 v w-1 \xff", strings.Repeat("9", 1000)} {
		publish(t, h, key, "before")
		l.message(t, "before")
		if _, err := server.Command("PUBLISH", topicOf(key), payload); err != nil {
			t.Fatal(err)
		}
		if e := l.next(t); e.gap == nil {
			t.Errorf("%q is heard as %q", payload, e.message.Body)
		}
		publish(t, h, key, "after")
		l.message(t, "after")
	}
	if err := h.Health(); err != nil {
		t.Error(err)
	}
}

// Somebody else wrote to keys of ours: calls say so, and other rooms are well.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	h := must(t, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), small)
	for what, c := range map[string]struct {
		command []string
		want    string
	}{
		"another type": {[]string{"SET", "", "text"}, "WRONGTYPE"},
		"no number":    {[]string{"HSET", "", "e", "epoch", "s", "many"}, "something else"},
		"a list":       {[]string{"RPUSH", "", "text"}, "WRONGTYPE"},
	} {
		t.Run(what, func(t *testing.T) {
			key := roomOf(t)
			c.command[1] = recordOf(key)
			if _, err := server.Command(c.command...); err != nil {
				t.Fatal(err)
			}
			for _, members := range []bool{false, true} {
				if _, err := h.Load(t.Context(), key, members); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Load says %v; want %q", err, c.want)
				}
			}
			_, err := h.Commit(t.Context(), key, broker.Commit{ID: id(), Value: put("v"), Messages: [][]byte{nil}})
			if err == nil {
				t.Error("Commit says nothing")
			}
			t.Log(err)
			publish(t, h, roomOf(t), "well")
		})
	}
}
