package redis_test

import (
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/spinneyio/est/broker"
)

// Applies commits as the first version of this package did, on the same keys.
//
//go:embed testdata/earlier.lua
var earlierScript string

// Instances of different versions use a store at the same time, each by scripts of
// its own: what they do is what [broker.Apply] does; each knows its receipts for the
// retention and forgets them; and a record expires exactly if there is nothing in it.
func TestVersionsSideBySide(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	h := must(t, client, small)
	rapid.Check(t, func(rt *rapid.T) {
		r := &sideBySide{
			server: server, key: roomOf(t), now: time.UnixMilli(1e12),
			ways: []func(broker.Key, broker.Commit) (broker.Receipt, error){
				func(key broker.Key, c broker.Commit) (broker.Receipt, error) { return h.Commit(t.Context(), key, c) },
				func(key broker.Key, c broker.Commit) (broker.Receipt, error) {
					return commitEarlier(t.Context(), client, key, c)
				},
			},
		}
		server.SetTime(r.now)
		for range rapid.IntRange(1, 30).Draw(rt, "commits") {
			r.pass(rapid.SampledFrom([]time.Duration{0, 1, 2, 4, 7, 8, 9}).Draw(rt, "eighths") * small.Retention / 8)
			r.commit(rt)
			r.repeat(rt)
			r.expires(rt)
		}
	})
}

// sideBySide is one room that is committed to in several ways.
type sideBySide struct {
	server *miniredis.Miniredis
	key    broker.Key
	ways   []func(broker.Key, broker.Commit) (broker.Receipt, error)
	now    time.Time
	state  broker.State // as it should be
	done   []done
}

// done is a commit, by a writer that makes no other.
type done struct {
	way     int
	at      time.Time
	commit  broker.Commit
	receipt broker.Receipt
}

// pass lets time pass. A record that is empty is forgotten after the retention.
func (r *sideBySide) pass(d time.Duration) {
	r.now = r.now.Add(d)
	r.server.SetTime(r.now)
	r.server.FastForward(d)
	if n := len(r.done); n > 0 && r.empty() && r.now.Sub(r.done[n-1].at) >= small.Retention {
		r.state = broker.State{}
	}
}

func (r *sideBySide) empty() bool {
	record := r.state.Record(true)
	return record.Value == nil && len(record.Members) == 0
}

// commit makes a commit that is not refused.
func (r *sideBySide) commit(t *rapid.T) {
	record := r.state.Record(true)
	c := broker.Commit{ID: id(), Messages: make([][]byte, rapid.IntRange(0, 2).Draw(t, "messages"))}
	if rapid.Bool().Draw(t, "expects") {
		c.Expect = &record.Version
	}
	if c.Value.Op = rapid.SampledFrom([]broker.Op{broker.Keep, broker.Put, broker.Delete}).Draw(t, "value"); c.Value.Op == broker.Put {
		c.Value.Value = []byte("v")
	}
	there := map[string]bool{}
	for _, m := range record.Members {
		there[m.ID] = true
	}
	for _, member := range []string{"a", "b"} {
		can := []string{"", "+"}
		if there[member] {
			can = []string{"", "?", "+", "~", "-"}
		}
		if op := rapid.SampledFrom(can).Draw(t, member); op != "" {
			c.Members = append(c.Members, broker.MemberChange{Op: broker.MemberOp(strings.Index("?+~-", op)), ID: member})
		}
	}
	d := done{way: rapid.IntRange(0, len(r.ways)-1).Draw(t, "way"), at: r.now, commit: c}
	var err error
	if d.receipt, err = r.ways[d.way](r.key, c); err != nil {
		t.Fatal(err)
	}
	next, want, err := broker.Apply(r.state, c)
	if err != nil || d.receipt != want {
		t.Fatalf("the receipt is %+v; want %+v, %v", d.receipt, want, err)
	}
	r.state, r.done = next, append(r.done, d)
}

// repeat sends again what is young enough to be known.
func (r *sideBySide) repeat(t *rapid.T) {
	for _, d := range r.done {
		if r.now.Sub(d.at) >= small.Retention {
			continue
		}
		if again, err := r.ways[d.way](r.key, d.commit); err != nil || again != d.receipt {
			t.Fatalf("after %v the receipt of way %d is %+v, %v; want %+v", r.now.Sub(d.at), d.way, again, err, d.receipt)
		}
	}
}

// expires looks at what is to be forgotten.
func (r *sideBySide) expires(t *rapid.T) {
	name := recordOf(r.key)
	if ttl := r.server.TTL(name); r.empty() != (ttl > 0) {
		t.Fatalf("the record expires in %v (0: never); it is empty: %v", ttl, r.empty())
	}
	tag := strings.TrimPrefix(name, small.Prefix+":r")
	known := map[string]bool{}
	for _, kind := range []string{":w", ":o"} {
		receipts := small.Prefix + kind + tag
		if !r.server.Exists(receipts) {
			continue
		}
		if ttl := r.server.TTL(receipts); ttl <= 0 || ttl > 2*small.Retention {
			t.Fatalf("receipts expire in %v", ttl)
		}
		writers, err := r.server.HKeys(receipts)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range writers {
			known[w] = true
		}
	}
	for _, d := range r.done {
		if age := r.now.Sub(d.at); age >= 3*small.Retention && known[d.commit.ID.Writer] {
			t.Fatalf("a receipt is kept for %v", age)
		}
	}
}

// commitEarlier applies c by the earlier script.
func commitEarlier(ctx context.Context, client *goredis.Client, key broker.Key, c broker.Commit) (r broker.Receipt, err error) {
	var keys []string
	for _, kind := range []string{":r", ":m", ":w", ":o"} {
		keys = append(keys, small.Prefix+kind+strings.TrimPrefix(recordOf(key), small.Prefix+":r"))
	}
	expect := "*"
	if c.Expect != nil {
		expect = "=" + string(*c.Expect)
	}
	frame := append(binary.AppendUvarint(nil, uint64(len(c.ID.Writer))), c.ID.Writer...)
	frame = binary.AppendUvarint(frame, c.ID.N)
	for range c.Messages { // empty ones
		frame = append(frame, 0)
	}
	args := []any{
		c.ID.Writer, fmt.Sprintf("%020d", c.ID.N), fmt.Sprintf("%s-%d", c.ID.Writer, c.ID.N), expect, "kpd"[c.Value.Op : c.Value.Op+1],
		c.Value.Value, small.Retention.Milliseconds(), topicOf(key), len(c.Messages), frame,
	}
	for _, m := range c.Members {
		args = append(args, "?+~-"[m.Op:m.Op+1], m.ID, m.Data)
	}
	reply, err := client.Eval(ctx, earlierScript, keys, args...).StringSlice()
	if err != nil {
		return r, err
	}
	if len(reply) != 4 || reply[0] != "ok" {
		return r, fmt.Errorf("the earlier script answers %q", reply)
	}
	r.Version, r.At.Epoch = broker.Version(reply[1]), reply[2]
	r.At.Seq, err = strconv.ParseUint(reply[3], 10, 64)
	return r, err
}
