package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
)

//go:embed commit.lua
var commitLua string

//go:embed load.lua
var loadLua string

// script is one of our scripts, and the hash by which the server knows it.
type script struct{ text, hash string }

var (
	commitScript = newScript(commitLua)
	loadScript   = newScript(loadLua)
)

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) // Redis names scripts so
	return &script{text, hex.EncodeToString(sum[:])}
}

// run runs a script, by its hash; by its text if the server doesn't know that,
// as after a restart.
func (b *Broker) run(ctx context.Context, s *script, keys int, args []any) (any, error) {
	args[0], args[1], args[2] = "evalsha", &s.hash, keys
	cmd := goredis.NewCmd(ctx, args...)
	err := b.calls.do(ctx, cmd)
	if err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
		// Not the same slice: an attempt that was given up may still be sending it.
		cmd = goredis.NewCmd(ctx, append([]any{"eval", s.text}, args[2:]...)...)
		err = b.calls.do(ctx, cmd)
	}
	if err != nil {
		return nil, err
	}
	return cmd.Val(), nil
}

// commit applies c by the script. Its receipt is kept for retention, in ms.
func (b *Broker) commit(ctx context.Context, key broker.Key, c broker.Commit, retention string) (broker.Receipt, error) {
	n := b.names(key)
	number := strconv.FormatUint(c.ID.N, 10)
	expect := "*"
	if c.Expect != nil {
		expect = "=" + string(*c.Expect)
	}
	texts := [...]string{
		n.record, n.members, n.recent, n.older,
		c.ID.Writer, zeros[:max(0, len(zeros)-len(number))] + number, nameOf(c.ID, number), expect, retention, n.topic,
	}
	args := make([]any, 3, 3+len(texts)+4+3*len(c.Members)) // run fills in the first three
	for i := range texts {
		args = append(args, &texts[i]) // a string would be an allocation each
	}
	args = append(args, valueOps[c.Value.Op], c.Value.Value, len(c.Messages), pack(c.Messages))
	for i := range c.Members {
		m := &c.Members[i]
		args = append(args, memberOps[m.Op], &m.ID, m.Data)
	}
	answer, err := b.run(ctx, commitScript, 4, args)
	if err != nil {
		return broker.Receipt{}, err
	}
	return parseAnswer(answer)
}

const zeros = "00000000000000000000" // as many digits as a number may have

var (
	valueOps  = []any{broker.Keep: "k", broker.Put: "p", broker.Delete: "d"}
	memberOps = []any{broker.Require: "?", broker.Add: "+", broker.Replace: "~", broker.Remove: "-"}
)

// parseAnswer reads what the script for commits answers.
func parseAnswer(answer any) (broker.Receipt, error) {
	if text, ok := answer.(string); ok {
		receipt, ok := parseReceipt(text)
		if !ok {
			return broker.Receipt{}, unexpected(text)
		}
		return receipt, nil
	}
	reply, _ := answer.([]any)
	switch what, _ := at(reply, 0).(string); what {
	case "stale":
		return broker.Receipt{}, fmt.Errorf("%w: the last one was number %v", broker.ErrStale, at(reply, 1))
	case "conflict":
		record, err := parseRecord(reply[1:])
		if err != nil {
			return broker.Receipt{}, err
		}
		conflict := &broker.Conflict{Record: record}
		gone, _ := at(reply, 5).([]any)
		for _, id := range gone {
			text, _ := id.(string)
			conflict.Gone = append(conflict.Gone, text)
		}
		slices.Sort(conflict.Gone)
		return broker.Receipt{}, conflict
	default:
		return broker.Receipt{}, unexpected(what)
	}
}

func unexpected(answer string) error {
	return fmt.Errorf("the script answered %.20q, which it never should: is another version of it at work?", answer)
}

// load reads a record.
func (b *Broker) load(ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
	n := b.names(key)
	if !members {
		cmd := goredis.NewSliceCmd(ctx, "hmget", n.record, "v", "t", "e", "s")
		if err := b.calls.do(ctx, cmd); err != nil {
			return broker.Record{}, err
		}
		return parseRecord(cmd.Val())
	}
	answer, err := b.run(ctx, loadScript, 2, []any{nil, nil, nil, n.record, n.members})
	if err != nil {
		return broker.Record{}, err
	}
	reply, _ := answer.([]any)
	fields, _ := at(reply, 0).([]any)
	record, err := parseRecord(fields)
	if err != nil {
		return broker.Record{}, err
	}
	list, _ := at(reply, 1).([]any)
	for i := 0; i+1 < len(list); i += 2 {
		id, _ := list[i].(string)
		data, _ := list[i+1].(string)
		record.Members = append(record.Members, broker.Member{ID: id, Data: []byte(data)})
	}
	slices.SortFunc(record.Members, func(x, y broker.Member) int { return strings.Compare(x.ID, y.ID) })
	return record, nil
}

// parseRecord reads value, version, epoch and number.
func parseRecord(fields []any) (r broker.Record, err error) {
	if value, ok := at(fields, 0).(string); ok {
		r.Value = []byte(value)
	}
	r.Version = version(at(fields, 1))
	r.At, err = parsePosition(at(fields, 2), at(fields, 3))
	return r, err
}

func version(reply any) broker.Version {
	text, _ := reply.(string)
	return broker.Version(text)
}

func parsePosition(epoch, seq any) (p broker.Position, err error) {
	if p.Epoch, _ = epoch.(string); p.Epoch == "" {
		return p, nil // there is no record
	}
	text, _ := seq.(string)
	if p.Seq, err = strconv.ParseUint(text, 10, 64); err != nil {
		return p, fmt.Errorf("the number of a room's last message is %q: has something else written to it?", text)
	}
	return p, nil
}

// at is the i-th part of a reply; nil if it is shorter.
func at(reply []any, i int) any {
	if i < len(reply) {
		return reply[i]
	}
	return nil
}
