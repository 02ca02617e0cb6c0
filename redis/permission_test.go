package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
	"github.com/spinneyio/est/redis"
)

// The permissions that doc.go lists are enough, in both protocols; and each is
// needed, which New says and not an error later.
func TestPermissions(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	commands := documented(t)
	client := func(user string, protocol int) *goredis.Client {
		return goredis.NewClient(&goredis.Options{Addr: server.Addr(), Username: user, Password: "secret", Protocol: protocol, MaxRetries: -1})
	}
	allow := func(user string, commands []string, rest ...string) {
		t.Helper()
		command := append([]string{"ACL", "SETUSER", user, "reset", "resetchannels", "on", ">secret"}, rest...) // before Redis 7 all topics are allowed
		for _, c := range commands {
			command = append(command, "+"+c)
		}
		if _, err := server.Command(command...); err != nil {
			t.Fatal(err)
		}
	}
	ours := []string{"~" + small.Prefix + ":*", "&" + small.Prefix + ":*"}
	allow("all", commands, ours...)
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("protocol %d", protocol), func(t *testing.T) {
			o := small
			o.Retention = 20 * time.Millisecond
			everything(t, must(t, client("all", protocol), o))
		})
	}
	refused := func(t *testing.T, user string) {
		t.Helper()
		b, err := open(client(user, 0), nil, small)
		if err == nil {
			closing(t, b)
			t.Fatal("New returned no error")
		}
		if !strings.Contains(err.Error(), "permission") {
			t.Errorf("New says %q, and not that it lacks permission", err)
		}
	}
	for i, c := range commands {
		t.Run("without "+c, func(t *testing.T) {
			allow("without-"+c, slices.Delete(slices.Clone(commands), i, i+1), ours...)
			refused(t, "without-"+c)
		})
	}
	t.Run("without keys", func(t *testing.T) {
		allow("keyless", commands, ours[1])
		refused(t, "keyless")
	})
	t.Run("without topics", func(t *testing.T) {
		allow("topicless", commands, ours[0])
		refused(t, "topicless")
	})
	t.Run("without a password", func(t *testing.T) {
		if _, err := server.Command("ACL", "SETUSER", "default", ">another"); err != nil {
			t.Fatal(err)
		}
		_, err := open(goredis.NewClient(&goredis.Options{Addr: server.Addr(), MaxRetries: -1}), nil, small)
		if err == nil || !strings.Contains(err.Error(), "NOAUTH") {
			t.Errorf("New says %v", err)
		}
	})
}

// documented are the commands that doc.go lists.
func documented(t *testing.T) []string {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(strings.ReplaceAll(string(text), "\n//", " "), "for the commands")
	list, _, end := strings.Cut(list, "besides")
	if !ok || !end {
		t.Fatal("doc.go doesn't list the commands")
	}
	return strings.FieldsFunc(strings.ReplaceAll(list, " and ", ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// everything does all that a broker can.
func everything(t *testing.T, h *handle) {
	t.Helper()
	key, other := roomOf(t), roomOf(t)
	writer := id().Writer
	n := uint64(0)
	commit := func(c broker.Commit) broker.Receipt {
		t.Helper()
		n++
		c.ID = broker.CommitID{Writer: writer, N: n}
		r, err := h.Commit(t.Context(), key, c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	l, lasting := listen(t, h, key), listen(t, h, other)
	first := commit(broker.Commit{
		Value:    put("v"),
		Members:  []broker.MemberChange{{Op: broker.Add, ID: "m", Data: []byte("d")}, {Op: broker.Add, ID: "n"}},
		Messages: [][]byte{[]byte("hello"), {}},
	})
	l.message(t, "hello")
	l.message(t, "")
	wrong := broker.Version("another")
	_, err := h.Commit(t.Context(), key, broker.Commit{ID: id(), Expect: &wrong, Members: []broker.MemberChange{{Op: broker.Require, ID: "x"}}})
	if conflict, ok := errors.AsType[*broker.Conflict](err); !ok || conflict.Record.Version != first.Version || !slices.Equal(conflict.Gone, []string{"x"}) {
		t.Errorf("a conflict is %v", err)
	}
	commit(broker.Commit{Members: []broker.MemberChange{{Op: broker.Replace, ID: "m", Data: []byte("e")}, {Op: broker.Remove, ID: "n"}}})
	r, err := h.Load(t.Context(), key, true)
	if err != nil || string(r.Value) != "v" || len(r.Members) != 1 || string(r.Members[0].Data) != "e" {
		t.Errorf("the record is %v, %v", r, err)
	}
	// Long enough for receipts to be aged.
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
		commit(broker.Commit{Value: put("again")})
	}
	commit(broker.Commit{Value: broker.Change{Op: broker.Delete}, Members: []broker.MemberChange{{Op: broker.Remove, ID: "m"}}})

	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	listen(t, h, key) // the server was told of the end before the second of these
	listen(t, h, roomOf(t))
	publish(t, h, other, "still here")
	lasting.message(t, "still here")
}

// What New refuses, and that it says what to do.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, nil)
	direct := func() *goredis.Client { return goredis.NewClient(&goredis.Options{Addr: server.Addr()}) }
	gone := redistest.Start(t, nil)
	if err := gone.Kill(); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		client  *goredis.Client
		options *redis.Options
		want    []string
	}{
		"no options":     {direct(), nil, []string{"Options.Prefix is required"}},
		"no prefix":      {direct(), &redis.Options{}, []string{"Options.Prefix is required"}},
		"braces":         {direct(), &redis.Options{Prefix: "a{b}"}, []string{"Options.Prefix", `"a{b}"`, "must not have braces"}},
		"server away":    {goredis.NewClient(&goredis.Options{Addr: gone.Addr(), MaxRetries: -1}), &small, []string{"doesn't answer", "connection refused"}},
		"old":            {saying(direct(), "redis_version:6.0.16\r\n"), &small, []string{"6.0.16", "6.2 or later is needed"}},
		"maxmemory":      {saying(direct(), "redis_version:7.0.15\r\nmaxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n"), &small, []string{"allkeys-lru", "set it to noeviction"}},
		"closed client":  {closed(direct()), &small, []string{"client is closed"}},
		"another script": {answering(direct(), []any{"what?"}), &small, []string{"what?", "another version"}},
		"another answer": {answering(direct(), "w-1 7 w-2, what?"), &small, []string{"what?", "another version"}},
	} {
		t.Run(what, func(t *testing.T) {
			defer c.client.Close()
			began := time.Now()
			_, err := redis.New(c.client, c.options)
			if err == nil {
				t.Fatal("no error")
			}
			t.Logf("%v: %v", time.Since(began), err)
			for _, text := range append(c.want, "redis: ") {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q doesn't say %q", err, text)
				}
			}
			if strings.Count(err.Error(), "redis: ") > 2 { // ours, and go-redis'
				t.Errorf("%q is wrapped more than once", err)
			}
		})
	}
}

// What New takes: a server that says little, and limited memory that nobody takes
// back, really limited.
func TestNewTakes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, &redistest.Options{Args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "noeviction"}})
	direct := func() *goredis.Client { return goredis.NewClient(&goredis.Options{Addr: server.Addr()}) }
	must(t, direct(), small)
	must(t, saying(direct(), "server_name:valkey\r\n"), small)
	if _, err := server.Command("CONFIG", "SET", "maxmemory-policy", "volatile-ttl"); err != nil {
		t.Fatal(err)
	}
	if _, err := open(direct(), nil, small); err == nil || !strings.Contains(err.Error(), "volatile-ttl") {
		t.Errorf("New says %v", err)
	}
	left, err := server.Command("KEYS", "*")
	if err != nil || len(left.([]any)) > 0 {
		t.Errorf("New leaves %v, %v", left, err)
	}
}

// hook answers commands in the server's place, or lets them be.
type hook func(goredis.Cmder)

func (h hook) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (h hook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil {
			h(cmd)
		}
		return err
	}
}

func (h hook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func saying(c *goredis.Client, info string) *goredis.Client {
	c.AddHook(hook(func(cmd goredis.Cmder) {
		if cmd, ok := cmd.(*goredis.StringCmd); ok && cmd.Name() == "info" {
			cmd.SetVal(info)
		}
	}))
	return c
}

func answering(c *goredis.Client, answer any) *goredis.Client {
	c.AddHook(hook(func(cmd goredis.Cmder) {
		if cmd, ok := cmd.(*goredis.Cmd); ok && strings.HasPrefix(cmd.Name(), "eval") {
			cmd.SetVal(answer)
		}
	}))
	return c
}

func closed(c *goredis.Client) *goredis.Client {
	_ = c.Close() // the second time is what fails
	return c
}
