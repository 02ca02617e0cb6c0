// Package natsbroker is a broker on a NATS JetStream server, 2.12 or later: an
// example of a store that is neither ours nor Redis, made to be copied.
//
// # How to write a broker of one's own
//
// Three things a store has to have; they are all that is one's own here:
//
//   - An atomic read-modify-write of a record, together with its messages. Here: a
//     record is the last message of a subject, and a commit is an atomic batch,
//     which the server refuses if the subject has moved on (commit.go).
//   - An ordered log of a room's messages (message.go).
//   - Somebody who tells when there is something new, from a certain point on
//     (subscription.go).
//
// The rest est gives. [broker.Apply] decides what a commit does: conflicts,
// members, versions, positions, receipts. [broker.State] is what to store, as
// bytes, and forgets what is old. [broker.Message] has positions that tell whether
// anything is missing. Package conformance proves the result, by one call
// (conformance_test.go), and package broker has the rules, whose numbers stand in
// the comments here. What the rules leave to do, and what a store's client library
// rarely does by itself: to return as soon as a context ends (31), to know when
// messages may have been lost, and to say so (27), and to close (33).
//
// # How it is stored
//
// All of a [Broker] is in one stream, two subjects to a room:
//
//	est.state.KEY   one message: when it was last aged, and the State
//	est.log.KEY     the room's messages, each for a minute, and the last 4,096 at most
//
// Subscribers read the log by JetStream consumers. A plain NATS subscription would
// show them the messages of refused batches too, which rule 20 forbids.
//
// No clock of a client matters: only the times at which the server stored
// messages. A commit ages a record once per retention time. A record without value
// and members is stored with a time to live, the retention: so the server forgets
// it by itself.
//
// # Limits
//
//   - A record (value, members and receipts together) and a message have to fit into
//     a message of the server: max_payload, 1 MiB by default. Of that, 1 KiB is for
//     headers. A value, a message or a member's data may have a quarter of it.
//   - A receipt takes about 100 bytes for one to two retention times. So at most some
//     10,000 writers can commit to a room in that time. All commits of an instance
//     to a room are one writer, each broker.Publish and broker.Update is another.
//   - A commit may have 999 messages (the server takes batches of 1,000:
//     streamDefaultMaxAtomicBatchSize in nats-server's server/stream.go) with 16 MiB
//     together.
//   - Namespace and room may have 2 KiB together: in base64 they are part of a line
//     of NATS' protocol, which may have 4 KiB.
//   - A commit rewrites the record, after a look at it: two round trips.
//   - A commit with messages is an atomic batch. If the stream is in files and not
//     replicated, the server syncs each batch to the disk: that may be no more than
//     100 a second, in all rooms together. In memory, or without messages, commits
//     are some fifty times faster.
//   - A subscription is a consumer of its own in the server.
//   - How much a crash of the server takes with it is the server's to say:
//     sync_interval is two minutes by default.
package natsbroker
