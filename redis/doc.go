// Package redis is the broker for several processes: on Redis 6.2 and later, or
// Valkey; on a single server, a Sentinel group or a cluster.
//
//	client := goredis.NewClient(&goredis.Options{Addr: "localhost:6379"})
//	b, err := redis.New(client, &redis.Options{Prefix: "myapp"})
//
// It keeps all rules of package broker. A commit is one script and one round
// trip, whatever it does, and is safe to be sent twice: so the client may have any
// options, also its default of three retries. Commits of different rooms that are
// under way at the same time share system calls.
//
// # What is kept where
//
// A room has these keys. T is the namespace, a colon, and the room, with the bytes
// % { } (and, in the namespace, the colon) written as %25, %7B, …; the braces are
// part of the name, so that a cluster keeps all of them on one node:
//
//	PREFIX:r:{T}   hash: v value, t version, e epoch, s number of the last message, a when receipts were last aged (ms)
//	PREFIX:m:{T}   hash: the members' data by ID
//	PREFIX:w:{T}   hash: the receipts by writer
//	PREFIX:o:{T}   hash: older receipts
//	PREFIX:c:{T}   the topic that messages are published to; not a key
//	PREFIX:p:…     the topics by which an instance hears itself
//
// Receipts are kept for [Options].Retention to twice as long. A record without a
// value and members expires after the retention; others never do. The value is
// stored as it is; version and epoch are names of commits, WRITER-NUMBER, with the
// bytes % and space of the writer written as %25 and %20.
//
// # What the server needs
//
//   - maxmemory-policy noeviction, if maxmemory is set: a record or a receipt that
//     is evicted is lost. New refuses anything else.
//   - Permission for its keys and topics, ~PREFIX:* resetchannels &PREFIX:* (Redis 6.2
//     gives a user all topics otherwise), and for the commands
//     EVAL, EVALSHA, EXISTS, HDEL, HEXISTS, HGET, HGETALL, HMGET, HSET, INFO,
//     PERSIST, PEXPIRE, PTTL, PUBLISH, RENAME, SUBSCRIBE, TIME, UNLINK and UNSUBSCRIBE, besides
//     those that the client itself uses to connect.
//   - client-output-buffer-limit pubsub as large as the messages of some seconds (the
//     default, 32 MB at once or 8 MB for a minute, is ample for most). A subscriber that
//     is over it is cut off by the server: that is a gap, as any other loss.
//   - RESP2 or RESP3, as the client is set. Sharded pub/sub is not used: in a
//     cluster each message goes to all nodes.
//
// # What can be lost
//
// Redis acknowledges a commit before its replicas have it. If a primary dies and a
// replica takes over, the last commits may be gone, although they were answered;
// the same is so after a restart without appendfsync always. Then a room goes back
// to an earlier state. It is noticed: versions are never used twice, subscriptions
// get a gap, and members look at the room again. To make it rarer:
// min-replicas-to-write 1 refuses commits that no replica would get, and an
// appendonly file keeps a restart from losing more than a second. Nothing here
// waits for replicas (WAIT): that would double the time of a commit, and still be
// no guarantee.
//
// In a cluster a message goes from the node of its room to the one that we are
// connected to. If just that connection breaks, a message is missed without a word
// until the room's next one, or until the room is looked at. The nodes break it
// themselves when one of them stands still for half of cluster-node-timeout, which
// is 15 seconds by default: don't make it short.
//
// Receipts expire by the server's clock: one that jumps ahead, or a replica that
// takes over with a clock that is ahead, forgets them too early.
//
// A server that comes back empty begins new epochs: members are closed and come
// back.
//
// # Connections
//
// Commands go through the client's pool. Messages come over one connection, which
// is given up at the first error and made anew, without end, with pauses of up to
// a second; then everything is subscribed to again, and each subscription gets a
// gap. A connection that is silent is tried by a message to ourselves, see
// [Options].Probe, so one that is dead without a word is noticed too.
//
// A call returns when its context ends, whatever the network does; what it has
// sent may still arrive, and goroutines and connections that hang end with the
// client's timeouts. [Broker.Close] waits for them for a second at most.
package redis
