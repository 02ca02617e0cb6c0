// Package conformance proves brokers and transports: one call tries every promise
// of the contract, and says of each one that is broken what was done, what was
// expected, what happened, and what of est would break.
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Harness{
//			Open: func() (broker.Broker, error) { return mine.Open(store) },
//		})
//	}
//
// # Brokers
//
// The contract is the numbered rules of package broker. [Run] makes a subtest of
// each case, named as in [Rules]; [Check] does the same without a testing.T. What
// others build on comes first, so the first failure in that order is where to
// begin: the list at the end of the log says which it is, and how to try that rule
// alone. Four things make it prove more:
//
//   - [Harness].Open, if it returns a handle of its own each time: only so are
//     Close and connections between instances tried.
//   - [Limits], as far as the store states them: only so is it tried what happens
//     beyond. Open the store with small sizes and queues, but not smaller than what
//     is said there, and with a retention of a second; if a call takes more than 10
//     ms, with 100 times that.
//   - [Faults], if there is a network between a handle and the store: a broker that
//     was never cut off from its store has proven little. For most stores a TCP
//     proxy in the test does it.
//   - go test -race.
//
// What the harness doesn't offer is skipped, by name and with the reason, in that
// list too.
//
// Cases use rooms in a namespace of their own, drawn at random, so the store need
// not be empty, and several runs may share one. Of what passes they leave nothing
// behind but receipts, as long as the store answers. That something does not
// arrive is shown by what is committed after it and does, never by waiting for a
// while; that something does arrive is waited for, for [Harness].Patience at most.
// A case is abandoned when a call goes on for so long after its context has ended,
// or after 40 times that at last; its goroutines are in the report. A panic of the
// broker fails the case, unless it is in a goroutine of the broker's own.
//
// A gap without a cause (a fault, an overflow) is no loss, but fails whatever rule
// listens: a broker that tells many would have its instances look at the store all
// the time.
//
// Random cases draw from a seed, which is logged: with -conformance.seed they draw
// the same again. What the scheduler does is not drawn from it.
//
// The suite itself is tested by brokers that are wrong on purpose: each of its
// rules is the first to find at least one of them.
//
// # Not tried
//
// How fast a broker is; what it does when many thousands are connected; how much a
// commit or a record may hold in all, beyond what rule 4 says; whether values and
// members are there still after several retentions; whether what it has
// acknowledged survives a power failure, unless Faults.Restart cuts the power; and
// what a store does that answers falsely on purpose.
//
// # Transports
//
// [RunTransport] does the same for the promises of package transport.
package conformance
