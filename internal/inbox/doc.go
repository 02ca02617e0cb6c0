// Package inbox is what brokers deliver through: the bounded queue of one
// subscription, and the goroutine that calls its handler.
//
//   - A publisher never waits. What doesn't fit is dropped, with all that follows
//     until the queue has run dry; then the handler gets one Gap, and what comes
//     after.
//   - The goroutine exists while there is something to deliver: an idle
//     subscription costs a few hundred bytes.
//   - All subscriptions of a broker are of one [Group], which waits for their
//     handlers when the broker is closed.
package inbox
