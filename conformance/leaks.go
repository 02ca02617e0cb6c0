package conformance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spinneyio/est/broker"
)

// leakRules are about what is left behind.
var leakRules = []rule{{
	name:    "closing/no-goroutine-of-a-subscription",
	numbers: []int{29},
	promise: "A subscription that is closed leaves no goroutine behind: fifty more that come and go in a room leave no more than the first ones. What is begun once, for a handle or a room, does not count.",
	breaks:  "An instance would grow with each connection that comes and goes.",
	closes:  true,
	check: func(c *trial) {
		a, b, key := c.own(), c.own(), c.key()
		comeAndGo := func(n int) {
			for range n {
				l := a.listen(key)
				b.publish(key, "x")
				l.bodies("x")
				l.close()
			}
		}
		const rounds = 50
		comeAndGo(5)
		before := c.settled()
		comeAndGo(rounds)
		c.fewer("after each subscription", before+rounds/2)
	},
}, {
	name:    "closing/no-goroutine",
	numbers: []int{33},
	promise: "A handle that is closed leaves no goroutine behind: ten more that are opened, used in the same rooms and closed leave no more than the first one. What an in-process store begins once, for itself or a room, does not count.",
	breaks:  "A program that opens brokers and closes them would grow.",
	closes:  true,
	check: func(c *trial) {
		var keys []broker.Key
		for range 8 {
			keys = append(keys, c.key())
		}
		comeAndGo := func() {
			a := c.own()
			c.parallel(4, func(i int) {
				for _, key := range keys[2*i : 2*i+2] {
					l := a.listen(key)
					a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v"), Messages: messages("x")})
					l.bodies("x")
					a.load(key)
				}
			})
			a.shut()
		}
		const rounds = 10
		before := c.kept(keys...)
		for range rounds {
			comeAndGo()
		}
		c.fewer("after each handle", before+rounds/2)
	},
}, {
	name:    "closing/unsubscribed",
	numbers: []int{33},
	promise: "The subscriptions of a handle that is closed are gone from the store too.",
	breaks:  "The store would go on sending to instances that have stopped.",
	needs:   []need{needsSubscriptions},
	alone:   true, // it counts what others would add
	closes:  true,
	check: func(c *trial) {
		before := c.subscriptions()
		a := c.own()
		for range 5 {
			a.listen(c.key())
		}
		a.shut()
		c.unsubscribed(before)
	},
}}

// fewer waits until at most that many goroutines are left but for our own.
func (c *trial) fewer(when string, most int) {
	n, stacks := 0, ""
	if !c.poll(func() bool { n, stacks = c.others(); return n <= most }) {
		c.note("they are:\n%s", stacks)
		c.fatal(fmt.Sprintf("no goroutine is left %s: %d in all at most", when, most), fmt.Sprintf("%d are left; if they are the harness's own, see Harness.Open", n))
	}
}

// kept is how many goroutines are left, but for our own, of a handle that was used
// in these rooms and closed: an in-process store may begin some, for itself or for
// each room, that live on.
func (c *trial) kept(keys ...broker.Key) int {
	a := c.own()
	for _, key := range keys {
		l := a.listen(key)
		a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v"), Messages: messages("x")})
		l.bodies("x")
		a.load(key)
	}
	a.shut()
	return c.settled()
}

// settled is how many goroutines are left but for our own, once those that end by
// themselves have mostly done so.
func (c *trial) settled() int {
	least, _ := c.others()
	for range 10 {
		breathe()
		n, _ := c.others()
		least = min(least, n)
	}
	return least
}

// others counts the goroutines that the case began, but for those that run it.
func (c *trial) others() (n int, stacks string) {
	var list []string
	for stack := range strings.SplitSeq(c.goroutines(), "\n\n") {
		if stack == "" || strings.Contains(stack, "conformance.(*trial).goroutines+") {
			continue
		}
		count, _, _ := strings.Cut(stack, " ") // "3 @ 0x…", like ones once
		some, err := strconv.Atoi(count)
		if err != nil {
			c.fatal("a count before each stack of the goroutine profile", stack)
		}
		n += some
		list = append(list, stack)
	}
	return n, strings.Join(list, "\n\n")
}

// subscriptions is how many the store holds.
func (c *trial) subscriptions() int {
	n, err := c.suite.harness.Subscriptions()
	if err != nil {
		c.fatal("Harness.Subscriptions counts them", outcome(err))
	}
	c.note("the store holds %d subscriptions", n)
	return n
}

// unsubscribed waits until the store holds no more than before: it may be told
// later than the subscriber.
func (c *trial) unsubscribed(before int) {
	now := 0
	if !c.poll(func() bool { now = c.subscriptions(); return now <= before }) {
		c.fatal(fmt.Sprintf("the store holds %d subscriptions, as before", before), fmt.Sprintf("it holds %d", now))
	}
}
