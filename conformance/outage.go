package conformance

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
)

// What follows is for cases in which the way to the store breaks: the faults, and the
// calls that bear them.

// promptly is how late "at once" may be: so late that a busy machine is no
// failure, and too soon for the timeout of a network.
const promptly = 2 * time.Second

// pace is the longest time between two messages of a stream.
const pace = 30 * time.Millisecond

// fault notes what the harness did, and gives up if it couldn't.
func (c *trial) fault(what string, err error) {
	c.note("fault: %s%s", what, suffix(err))
	if err != nil {
		c.fatal("the harness does what Faults says: "+what, "harness error: "+err.Error())
	}
}

func (h *handle) cut() {
	h.c.fault(h.name+"'s connections are cut", h.c.suite.harness.Faults.Cut(h.Broker))
}

// hold cuts h off until release, which may be called again.
func (h *handle) hold() (release func()) {
	release, err := h.c.suite.harness.Faults.HoldReconnect(h.Broker)
	h.c.fault(h.name+" is cut off", err)
	return h.over(release, "may connect again")
}

// outage cuts h off while meanwhile is done.
func (h *handle) outage(meanwhile func()) {
	release := h.hold()
	defer release()
	meanwhile()
}

func (h *handle) loseReply() {
	h.c.fault("the answer to "+h.name+"'s next commit will be lost", h.c.suite.harness.Faults.LoseReply(h.Broker))
}

// blackHole lets nothing of h get through until heal, which may be called again.
func (h *handle) blackHole() (heal func()) {
	heal, err := h.c.suite.harness.Faults.BlackHole(h.Broker)
	h.c.fault("nothing gets to or from "+h.name+" any more, without an error", err)
	return h.over(heal, "may make new connections; those from before stay dead")
}

// over ends a fault once. A fault without an end is the harness's error.
func (h *handle) over(end func(), what string) func() {
	if end == nil {
		h.c.fault("a function that ends it", errors.New("the function is nil"))
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			end()
			h.c.note("fault: over: %s %s", h.name, what)
		})
	}
}

// pause lets time pass.
func (c *trial) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
		panic(gaveUp{})
	}
}

// again makes a call again and again, with pauses, until it says that it is done.
// No attempt takes more than a part of the patience, lest one that hangs takes all.
func (c *trial) again(attempt func(ctx context.Context) (done bool)) {
	whole, cancel := c.bounded()
	defer cancel()
	for whole.Err() == nil {
		ctx, cancel := context.WithTimeout(whole, c.suite.harness.Patience/4)
		done := attempt(ctx)
		cancel()
		if done {
			return
		}
		c.pause(10 * time.Millisecond)
	}
}

// settle sends commit until it is answered, with a receipt or a refusal.
func (h *handle) settle(key broker.Key, commit broker.Commit) (receipt broker.Receipt, err error) {
	h.c.again(func(ctx context.Context) bool {
		receipt, err = broker.Settle(ctx, h, key, commit)
		return err == nil || definite(err)
	})
	h.c.tell(step{handle: h, verb: "Settle", key: key, commit: &commit, receipt: &receipt, err: err})
	return receipt, err
}

// settled is settle for what has to be applied.
func (h *handle) settled(key broker.Key, commit broker.Commit) broker.Receipt {
	receipt, err := h.settle(key, commit)
	if err != nil {
		h.c.fatal("the commit is applied, in one of the attempts", outcome(err))
	}
	return receipt
}

// definite says whether a commit that got err was not applied, and never will be.
func definite(err error) bool {
	_, conflict := errors.AsType[*broker.Conflict](err)
	return conflict || errors.Is(err, broker.ErrTooLarge) || errors.Is(err, broker.ErrStale) || errors.Is(err, broker.ErrInvalid)
}

// reload reads the record of key, in as many attempts as it takes.
func (h *handle) reload(key broker.Key) (r broker.Record) {
	err := errors.New("not asked")
	h.c.again(func(ctx context.Context) bool {
		r, err = h.Load(ctx, key, true)
		return err == nil
	})
	h.c.tell(step{handle: h, verb: "Load", key: key, record: &r, err: err})
	if err != nil {
		h.c.fatal("Load works again", outcome(err))
	}
	return r
}

// relisten subscribes to key, in as many attempts as it takes.
func (h *handle) relisten(key broker.Key) *listener {
	var l *listener
	err := errors.New("not asked")
	h.c.again(func(ctx context.Context) bool {
		l, err = h.subscribe(ctx, key, nil)
		return err == nil
	})
	if err != nil {
		h.c.fatal("Subscribe works again", outcome(err))
	}
	return l
}

// failToListen subscribes to key while h is cut off.
func (h *handle) failToListen(key broker.Key) *listener {
	ctx, cancel := context.WithTimeout(h.c.ctx, h.c.suite.harness.Patience/20)
	defer cancel()
	l, err := h.subscribe(ctx, key, nil)
	if err == nil {
		h.c.fatal("an error, since the store can't have confirmed the subscription", "no error")
	}
	return l
}

// failToCommit commits while h is cut off.
func (h *handle) failToCommit(key broker.Key, commit broker.Commit) {
	ctx, cancel := context.WithTimeout(h.c.ctx, h.c.suite.harness.Patience/20)
	defer cancel()
	if _, err := h.tryUntil(ctx, key, commit); err == nil || definite(err) {
		h.c.fatal("an error that leaves open whether the commit was or will be applied", outcome(err))
	}
}
