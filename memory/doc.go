// Package memory is the embedded broker: one process, nothing to install, nothing
// that outlives the process. It is what an application on one instance runs on,
// and what tests run on.
//
// Instances that are to share rooms share one [Broker] value, or each have their
// own on one store, by [Broker.Open]. It keeps all rules of package broker; what
// that leaves to stores is so here:
//
//   - Nothing needs to be closed for the sake of memory: the store has no
//     goroutine of its own, and goes when the program has dropped all its handles
//     and their subscriptions. Closing a handle ends what is its own, and looks
//     through all rooms for it.
//   - A record is a [broker.State], and [broker.Apply] changes it, under the lock
//     of its shard. The commit's messages enter the subscriptions' queues under
//     the same lock, so that the order of the log is the order of the commits.
//     Nothing that is called from outside runs under a lock.
//   - A subscription has a bounded queue ([Options.Queue], in messages) and a
//     goroutine that exists while there is something to deliver: an idle one
//     costs a few hundred bytes. A publisher never waits. What doesn't fit is
//     dropped, with all that follows until the queue has run dry; then the
//     handler gets one Gap, with [ErrOverflow], and what comes after.
//   - A handler that panics ends the process, as in any goroutine of yours.
//   - Receipts are kept for [Options.Retention], and at most for twice that time
//     while there are commits: there is no goroutine and no timer for it. Each
//     commit, to whatever room, looks after up to 64 other rooms whose time has
//     come, and drops those of which nothing is left.
package memory
