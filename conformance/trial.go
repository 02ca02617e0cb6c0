package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"iter"
	mathrand "math/rand/v2"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// trial is one run of one case. Its methods are what cases are written in.
type trial struct {
	suite     *suite
	rule      *rule
	namespace string          // random: nobody else's records are in it
	rand      *mathrand.Rand  // for the goroutine that runs check, and no other
	ctx       context.Context // of the whole case
	cancel    context.CancelFunc
	abandoned chan struct{} // closed when it is

	mu       sync.Mutex // protects what follows
	handles  []*handle
	pooled   int // how many of them
	keys     []broker.Key
	subs     []*subscription
	story    story
	failure  *Failure
	late     bool  // so late that what was seen means nothing: the case is to run again
	unopened error // why there is no handle for it
}

// gaveUp is what a goroutine of a case panics with once it has failed.
type gaveUp struct{}

func newTrial(s *suite, r *rule, attempt int) *trial {
	hash := fnv.New64a()
	hash.Write([]byte(r.name))
	c := &trial{
		suite: s, rule: r, namespace: "conformance-" + rand.Text(), abandoned: make(chan struct{}),
		rand: mathrand.New(mathrand.NewPCG(s.harness.Seed, hash.Sum64()+uint64(attempt))),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// resort is after how many patiences a case is abandoned that makes calls, and
// whose calls return, but which doesn't end.
const resort = 40

// run runs the case and waits for its end, unless it is abandoned.
func (c *trial) run() {
	defer c.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Goroutines inherit labels: so we know those that the case has left behind.
		pprof.SetGoroutineLabels(pprof.WithLabels(c.ctx, c.labels()))
		c.guard(func() { c.rule.check(c) })
		c.end()
	}()
	longest := time.NewTimer(resort * c.suite.harness.Patience)
	defer longest.Stop()
	select {
	case <-done:
	case <-c.abandoned:
	case <-longest.C:
		c.hung("the case ends", fmt.Sprintf("it still runs after %v", resort*c.suite.harness.Patience))
	}
}

// verdict is what became of the case, or that it came too late to tell.
func (c *trial) verdict() (r result, late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.unopened != nil:
		r.skipped = c.unopened.Error()
	case c.failure != nil:
		f := *c.failure // an abandoned case may go on
		r.failure = &f
	default:
		r.passed = true
	}
	return r, c.late
}

// parallel runs f(0) … f(n-1) at the same time, and gives up if one did.
func (c *trial) parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { c.guard(func() { f(i) }) })
	}
	wg.Wait()
	if c.failed() {
		panic(gaveUp{})
	}
}

// fail reports that the rule is broken; the first report counts. The goroutine
// goes on: it may be one of the broker's.
func (c *trial) fail(expected, happened string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return
	}
	c.failure = &Failure{
		Rule:        c.rule.name,
		Explanation: c.rule.explanation(),
		Done:        c.story.tail(),
		Expected:    expected,
		Happened:    happened,
		Seed:        c.suite.harness.Seed,
	}
}

// fatal is fail, and the end of the calling goroutine's part of the case.
func (c *trial) fatal(expected, happened string) {
	c.fail(expected, happened)
	panic(gaveUp{})
}

func (c *trial) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure != nil
}

// retained gives up, and lets the case run again, if so much time has passed
// since then that receipts from then may have been dropped.
func (c *trial) retained(since time.Time) {
	if !c.keeps(since) {
		c.tooLate()
	}
}

// tooLate lets the case run again.
func (c *trial) tooLate() {
	c.mu.Lock()
	c.late = true
	c.mu.Unlock()
	panic(gaveUp{})
}

// keeps says whether receipts from then have to be known still.
func (c *trial) keeps(since time.Time) bool {
	keep := c.suite.harness.Limits.Retention
	return keep == 0 || time.Since(since) < keep
}

// key returns a key of a room that nobody has used.
func (c *trial) key() broker.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := broker.Key{Namespace: c.namespace, Room: fmt.Sprintf("room-%d", len(c.keys)+1)}
	c.keys = append(c.keys, key)
	return key
}

// keyOf notes that the case uses key, so that it is tidied up.
func (c *trial) keyOf(key broker.Key) broker.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = append(c.keys, key)
	return key
}

// few is full, or a tenth of it under -short, but one at least.
func (c *trial) few(full int) int {
	if c.suite.short {
		return max(1, full/10)
	}
	return full
}

// some counts to few(full), but for half of the retention since then at most: so
// that receipts from then can be asked for. It stops late rather than too soon: what
// is done in between means something if it is done some times.
func (c *trial) some(full int, since time.Time) iter.Seq[int] {
	return func(yield func(int) bool) {
		keep := c.suite.harness.Limits.Retention
		for n := range c.few(full) {
			if n >= 20 && keep > 0 && time.Since(since) > keep/2 || !yield(n) {
				return
			}
		}
	}
}

func (c *trial) labels() pprof.LabelSet {
	return pprof.Labels("conformance", c.namespace)
}

// goroutines returns the stacks of the case's goroutines, and of all that were
// begun by them.
func (c *trial) goroutines() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	var own []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, c.namespace) {
			own = append(own, stack)
		}
	}
	return strings.Join(own, "\n\n")
}

// writer numbers the commits of one writer.
type writer struct {
	id string
	n  uint64
}

// writer returns a new one.
func (c *trial) writer() *writer { return &writer{id: rand.Text()} }

// next is the id of the writer's next commit.
func (w *writer) next() broker.CommitID {
	w.n++
	return broker.CommitID{Writer: w.id, N: w.n}
}
