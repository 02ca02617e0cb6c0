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
	promise: "A subscription that is closed leaves no goroutine behind.",
	breaks:  "An instance would grow with each connection that comes and goes.",
	closes:  true,
	check: func(c *trial) {
		a, b := c.own(), c.own()
		comeAndGo := func(n int) {
			for range n {
				key := c.key()
				l := a.listen(key)
				b.publish(key, "x")
				l.bodies("x")
				l.close()
			}
		}
		const rounds = 50
		comeAndGo(5) // what a handle begins with its first subscriptions
		before, _ := c.others()
		comeAndGo(rounds)
		c.fewer("a goroutine for each subscription", before+rounds/2)
	},
}, {
	name:    "closing/no-goroutine",
	numbers: []int{33},
	promise: "A handle that is closed leaves no goroutine behind.",
	breaks:  "A program that opens brokers and closes them would grow.",
	closes:  true,
	check: func(c *trial) {
		a := c.own()
		c.parallel(4, func(int) {
			for range 5 {
				key := c.key()
				l := a.listen(key)
				a.commit(key, broker.Commit{ID: c.writer().next(), Value: put("v"), Messages: messages("x")})
				l.bodies("x")
				a.load(key)
			}
		})
		a.shut()
		c.fewer("goroutines of a closed handle", 0)
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
func (c *trial) fewer(what string, most int) {
	n, stacks := 0, ""
	if !c.poll(func() bool { n, stacks = c.others(); return n <= most }) {
		c.note("they are:\n%s", stacks)
		c.fatal(fmt.Sprintf("no %s: %d are left at most", what, most), fmt.Sprintf("%d are left", n))
	}
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
