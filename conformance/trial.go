package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	mathrand "math/rand/v2"
	"reflect"
	"runtime/debug"
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

	mu      sync.Mutex // protects what follows
	handles []*handle
	pooled  int // how many of them
	keys    []broker.Key
	subs    []broker.Subscription
	story   story
	failure *Failure
	late    bool // so late that what was seen means nothing: the case is to run again
}

// gaveUp is what a goroutine of a case panics with once it has failed.
type gaveUp struct{}

func newTrial(s *suite, r *rule, attempt int) *trial {
	hash := fnv.New64a()
	hash.Write([]byte(r.name))
	c := &trial{
		suite: s, rule: r, namespace: "conformance-" + rand.Text(),
		rand: mathrand.New(mathrand.NewPCG(s.harness.Seed, hash.Sum64()+uint64(attempt))),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// run runs the case and waits for its end, or for as long as it may take.
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
	watchdog := time.NewTimer(6 * c.suite.harness.Patience)
	defer watchdog.Stop()
	select {
	case <-done:
	case <-watchdog.C:
		c.hung(6 * c.suite.harness.Patience)
	}
}

// hung reports a case that doesn't end. Its goroutine is lost.
func (c *trial) hung(after time.Duration) {
	stacks := c.goroutines()
	c.fail("every call returns when its context ends", fmt.Sprintf("the case still runs after %v", after))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure.Goroutines = stacks
}

// guard runs f, which may give up, and reports a panic of the broker.
func (c *trial) guard(f func()) {
	defer func() {
		switch p := recover().(type) {
		case nil, gaveUp:
		default:
			c.fail("no panic", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	f()
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

// end leaves the store as it was, but for receipts, and closes the subscriptions
// and the case's own handles. Errors don't matter here: there are rules about Close.
func (c *trial) end() {
	c.mu.Lock()
	handles, keys, subs := c.handles, c.keys, c.subs
	c.mu.Unlock()
	var closers []closer
	for _, s := range subs {
		closers = append(closers, s)
	}
	closeAll(closers, c.suite.harness.Patience)
	if !c.failed() && len(handles) > 0 {
		ctx, cancel := context.WithTimeout(c.ctx, c.suite.harness.Patience)
		defer cancel()
		for _, key := range keys {
			purge(ctx, handles[0].Broker, key)
		}
	}
	closers = nil
	for _, h := range handles {
		if h.own && !c.suite.shared {
			closers = append(closers, h.Broker)
		}
	}
	closeAll(closers, c.suite.harness.Patience)
}

func purge(ctx context.Context, b broker.Broker, key broker.Key) {
	r, err := b.Load(ctx, key, true)
	if err != nil || r.Value == nil && r.Members == nil {
		return
	}
	commit := broker.Commit{ID: broker.CommitID{Writer: rand.Text(), N: 1}, Value: broker.Change{Op: broker.Delete}}
	for _, m := range r.Members {
		commit.Members = append(commit.Members, broker.MemberChange{Op: broker.Remove, ID: m.ID})
	}
	_, _ = b.Commit(ctx, key, commit) // tidying only
}

// closer is a broker or a subscription.
type closer interface {
	Close(ctx context.Context) error
}

// closeAll closes them, and waits for that for a time, whatever Close does.
func closeAll[C closer](closers []C, patience time.Duration) {
	if len(closers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, x := range closers {
		wg.Go(func() { _ = x.Close(ctx) }) // see end
	}
	closed := make(chan struct{})
	go func() {
		wg.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
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

// want gives up unless got is want.
func (c *trial) want(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		c.fatal(fmt.Sprintf("%s is %s", what, c.show(want)), fmt.Sprintf("it is %s", c.show(got)))
	}
}

// retained gives up, and lets the case run again, if so much time has passed
// since then that receipts from then may have been dropped.
func (c *trial) retained(since time.Time) {
	if c.keeps(since) {
		return
	}
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
