// Package broker is the contract for stores: four verbs, their rules, and the
// rules as code.
//
// A broker keeps one record for each room, and carries the messages that
// commits publish to whoever subscribed to the room. Package memory has one in
// process, package redis one on Redis. To write another, read the rules below,
// wrap [Apply] in whatever makes a read and a write atomic in your store (a row
// lock, a loop over revisions), or rewrite it in the store's own language and
// compare; then run package conformance, whose cases cite the rules by number.
//
// # Keys and bytes
//
//  1. Any two different keys are different rooms, with records and messages of
//     their own, whatever bytes the keys hold: namespace "a" with room "b.c" is
//     not namespace "a.b" with room "c", and "*" is no pattern.
//  2. Values, messages, the data and IDs of members, and writers are any bytes,
//     also none, zero bytes and invalid UTF-8, and come back as they went in.
//  3. What is passed to a broker is the broker's from the call on, to keep and
//     not to change, since it may be sent again; what it hands out is shared and
//     read-only for ever. So nothing is copied per receiver.
//  4. A store has limits of size and states them. IDs of members, and writers,
//     may be as long as its keys. What is over a limit is refused whole with
//     [ErrTooLarge], and changes nothing. Small ones are never too many: any store
//     takes a commit with 300 members and 300 messages of some bytes, and a record
//     with 1,200 such members.
//
// # Records
//
//  5. A record has a value or none, a version, a position, members, and
//     receipts. A record that was never written, or was forgotten (rule 19), is
//     the zero [Record], and no error.
//  6. An empty value is a value: it comes back as non-nil and empty. A nil value
//     is: absent.
//  7. Loads and commits of one record are linearizable, over all instances: a
//     call that begins after a commit was answered sees it, and no reader sees a
//     part of a commit. Position and version are read with the value, at once.
//  8. Members are read only if asked for, and are sorted by ID, bytewise.
//
// # Commits
//
//  9. A commit is applied whole or not at all: value, members and messages.
//  10. The checks are made in this order, and the first that fails answers: the
//     form ([ErrInvalid]), the known id (rule 15), the smaller number (rule 17),
//     the needed members and the expected version together (rule 11). Then the
//     commit is applied.
//  11. Require, Replace and Remove need their member to be there, and a commit
//     with Expect needs the record's version to be that one. If not, the answer
//     is a [*Conflict] with the record as it is, without members, and with all
//     needed members that are missing, sorted; nothing is changed. A nil Expect
//     takes any version; one of "" takes only a record that has none.
//  12. A commit that keeps the value is checked in the same way: so a decision
//     that only reads is validated too.
//  13. Only Put and Delete move the version, also a Put of the same bytes and a
//     Delete of nothing. Members and messages don't.
//  14. A version names the commit that put or deleted the value, so no version
//     is used twice: not after a delete, not after the store lost its last
//     seconds and went on. Delete removes the value and nothing else.
//
// # Receipts
//
//  15. A commit has an id: a writer, which is random and never used again, and a
//     number. The last id of each writer is known in its record, with the
//     receipt. The same id again changes nothing, publishes nothing, and is
//     answered with that very receipt, however much was committed since. The
//     contents aren't compared: another commit takes another number.
//  16. A receipt has the record's version after the commit, and the position of
//     the commit's last message, or of the record if it has none.
//  17. A number below the writer's last one is refused with [ErrStale]: it is a
//     late packet. A commit that was refused for any reason leaves its number
//     unused.
//  18. Receipts are kept for a time, not for a count: at least for the retention,
//     which the store states and which is ten minutes by default. Later than
//     that a commit must not be sent again. [Update] and [Publish] give up
//     after five.
//  19. A record whose receipts have all been kept their time, and that has
//     neither value nor members, is forgotten, also if somebody subscribes to
//     it. A record with a value or a member is never forgotten.
//
// # Messages
//
//  20. Messages are published by commits only, and only if they are applied. No
//     subscriber ever sees a message of a commit that was refused.
//  21. A record's messages are numbered 1, 2, 3, … in the order of its commits,
//     without holes; those of one commit are contiguous, in the commit's order.
//  22. The numbers count within an epoch, which begins with the first commit to
//     a record that wasn't there. Epochs are never used twice, so a new epoch
//     says that the record was forgotten or that the store lost it.
//  23. A message carries its position, its commit's id, and the record's version
//     after that commit. Who has got a message finds that commit or a later one
//     when it loads. A message may arrive before its commit is answered.
//
// # Subscriptions
//
//  24. Subscribe has been established when it returns: every message committed
//     after that arrives, from whatever instance. No message that was committed
//     before Subscribe was called arrives; of those in between, the first ones
//     may be missing. A Subscribe that fails leaves nothing behind: its handler
//     is not called for what is committed later.
//  25. Each subscription gets each message once, also those of its own process,
//     also those with equal bodies; two subscriptions of one handler are two.
//  26. The handler of one subscription is called one at a time, in the order of
//     the log. A slow handler delays neither other subscriptions nor commits.
//  27. Messages are never lost silently. If a queue overflows, a connection to
//     the store breaks or anything else makes it uncertain that all have
//     arrived, Gap is called: once for each time, after what came before the
//     loss and before what comes after it, also if nothing comes after it.
//  28. When Gap is called the subscription works again: what is committed from
//     then on arrives, or another gap follows. So a receiver that loads the
//     position in Gap misses nothing.
//  29. Closing a subscription ends that one only, also if it is closed again, or
//     by several at once. Close doesn't wait for a call of the handler that is
//     under way, so a handler may call it; that call may be at its very beginning.
//     No other follows.
//  30. A handler may call every method of the broker and of its subscription;
//     about Close of the broker see rule 33.
//
// # Contexts and closing
//
//  31. A context bounds its call only, never a subscription. If it has ended
//     before a Load, Commit or Subscribe, that has no effect; a Close closes in
//     any case. If it ends meanwhile, the call returns at once, also if the
//     store hangs. The error wraps the context's.
//  32. The error of a commit that is none of [*Conflict], [ErrInvalid],
//     [ErrStale] and [ErrTooLarge], so also a context's, leaves open whether the
//     commit was or will be applied. The same commit, sent again, finds out.
//  33. Close ends all subscriptions, and makes calls that are under way and those
//     to come fail with [ErrClosed]. It waits for handlers that are running
//     until its context ends, and leaves no goroutine behind. A handler that
//     calls it gives it a context that ends, since that very handler may be
//     waited for. What was committed stays, if the store outlives the broker.
//
// # Not promised
//
//   - Order between rooms; that two rooms change together.
//   - Delivery of messages from before a subscription: the log is not kept.
//   - That a gap means a loss. It means that a loss can't be ruled out.
//   - Fairness between writers that conflict.
//   - Any expiry of values and members, or any knowledge of who is alive.
//   - Anything at all if a writer is shared by two processes, if a number is
//     used for two commits, or if bytes are changed that rule 3 forbids to.
package broker
