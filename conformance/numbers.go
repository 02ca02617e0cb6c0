package conformance

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spinneyio/est/broker"
)

// numberRules are about the order of a writer's commits.
var numberRules = []rule{{
	name:    "receipts/late-packet",
	numbers: []int{10, 17},
	promise: "A number below the writer's last one is refused with ErrStale, before anything else is checked, and changes nothing. Gaps in the numbers are allowed.",
	breaks:  "A packet that was late on another connection would overwrite what its own writer did after it.",
	check: func(c *trial) {
		a, b, key := c.open(), c.open(), c.key()
		began := time.Now()
		w := c.writer()
		w.n = 100
		a.commit(key, broker.Commit{ID: w.next(), Value: put("101"), Members: []broker.MemberChange{add("m", "data")}})
		before := a.load(key)
		for _, n := range []uint64{100, 1, 99} {
			for _, commit := range []broker.Commit{
				{Value: put("late")},
				{Expect: expect(""), Value: put("late")},
				{Members: []broker.MemberChange{require("nobody")}},
				{Members: []broker.MemberChange{replace("m", "late")}},
			} {
				commit.ID = broker.CommitID{Writer: w.id, N: n}
				b.stale(began, key, commit)
				c.want("the record", a.load(key), before)
			}
		}
		w.n = 1 << 60
		a.commit(key, broker.Commit{ID: w.next(), Value: put("more")})
	},
}, {
	name:    "receipts/refused-number",
	numbers: []int{17},
	promise: "A commit that was refused leaves its number unused: the same number may be applied later.",
	breaks:  "What was decided again after a conflict would be answered with the receipt of something that never was.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		w := c.writer()
		a.commit(key, broker.Commit{ID: w.next(), Value: put("1")})
		id := w.next()
		a.conflict(key, broker.Commit{ID: id, Expect: expect(""), Value: put("2")})
		a.conflict(key, broker.Commit{ID: id, Value: put("2"), Members: []broker.MemberChange{require("x")}})
		a.refused(key, broker.Commit{ID: id, Value: broker.Change{Op: 9}}, broker.ErrInvalid)
		a.commit(key, broker.Commit{ID: id, Value: put("3")})
		c.want("the value", a.load(key).Value, []byte("3"))
	},
}, {
	name:    "receipts/large-numbers",
	numbers: []int{15, 17},
	promise: "Numbers have all 64 bits: also those that a double or a signed integer can't hold stay apart, and in order.",
	breaks:  "A commit would be taken for the one before it, and answered without being applied; or a writer could do nothing more.",
	check: func(c *trial) {
		a, key := c.open(), c.key()
		began := time.Now()
		w := c.writer().id
		var versions []broker.Version
		numbers := []uint64{1, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}
		for i, n := range numbers {
			commit := broker.Commit{ID: broker.CommitID{Writer: w, N: n}, Value: put(fmt.Sprint(n))}
			want := a.commit(key, commit)
			if slices.Contains(versions, want.Version) {
				c.fatal(fmt.Sprintf("a version of its own for commit %d", n), "that of an earlier one")
			}
			versions = append(versions, want.Version)
			c.want("the value", string(a.load(key).Value), fmt.Sprint(n))
			a.repeat(began, key, commit, want)
			if i > 0 {
				a.stale(began, key, broker.Commit{ID: broker.CommitID{Writer: w, N: numbers[i-1]}, Value: put("late")})
			}
		}
	},
}}

// stale sends a commit whose writer has had a larger number applied after since.
func (h *handle) stale(since time.Time, key broker.Key, commit broker.Commit) {
	_, err := h.try(key, commit)
	h.c.retained(since)
	if !errors.Is(err, broker.ErrStale) {
		h.c.fatal(fmt.Sprintf("ErrStale for number %d", commit.ID.N), outcome(err))
	}
}
