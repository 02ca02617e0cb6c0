// Package core is the machine room of est: applications as pure functions, and
// the pure state machines that run them. It imports the standard library only,
// has no clock, no randomness, no goroutine and no lock: events go in, effects
// come out, and the same events give the same effects. So it can be run on a
// hundred instances in production, embedded over any store and any transport, and
// owned by a simulator.
//
// # What an application is
//
// An [Integration]: functions from connection data, room state and an event to
// an [Outcome], which says as data what should happen. That is all that most
// readers need; package core/instance runs it.
//
// # How it is run
//
// The machine is [Room]: one for each room that has connections on an instance,
// and lobbies for the connections that have none. A transition begins with an
// event of a connection (or a message), and is decided on the snapshot of the
// room state that the machine has. Its outcome is held while a [Commit] carries
// the new state, the change of members and the messages to the store, all in one
// step that is valid only if the state was still the one that it was decided on.
// If it was not, the winner's state comes back with the answer and the same
// transitions are decided again; if a message has shown before that it is not, the
// state is read first. When it was, the effects are released: for each
// transition in the order in which they were decided its reply, its side effects,
// its close. What arrives while a commit is under way waits, and is decided and
// committed together.
//
// Messages go one way, through the store's subscription, also to connections of
// the same instance. A machine hears each message once and in order, or finds out
// that one is missing and runs Resync.
//
// # A crash is a Leave
//
// The machine [Life] keeps an instance known as alive in the store, and notices
// when another one is not: then the Leaves of that one's connections are run here.
// What it promises, and why, is said at its type.
//
// # Two versions side by side
//
// What est itself writes (members, messages, the records of a Life) has a schema
// number, and what a build does not know it refuses with an error that says so: a
// message counts as missed, a member is left to an instance that can read it; fields
// that it does not know it keeps. Connection data and room state are the application's
// JSON as it is, read by every version that is deployed: fields that a version does not
// know are ignored, and lost when it puts; where it can't decode them, the connection
// is closed with [CloseBug], and a Leave is the removal of the member alone. So deploy
// what reads the new form before what writes it.
//
// # Duties of a driver
//
// Whoever drives the machines (core/instance does, esttest does, you may) keeps
// these rules. The example "driver" is a complete small one.
//
//  1. One machine, one caller at a time. Give it what happened, in the order in
//     which it happened; several events that have piled up in one Step share a
//     commit. Machines of different rooms know nothing of each other.
//  2. Carry out the effects of a Step in their order, before those of the next.
//  3. The first event of a connection is Opened, to a lobby: a Room with the key
//     "". A connection's events go to one machine at a time: the lobby at first,
//     then wherever the latest Move has sent it.
//  4. On Move, give the machine of that room the Entered and then the Waiting
//     events, before any later event of the connection.
//  5. Report Closed for each connection exactly once, when it is gone, whoever
//     ended it, after all else that it sent. Effects on a connection that is gone
//     are dropped.
//  6. Send keeps the order for each connection and never waits for a client: a
//     queue has a bound, and a client that is too slow is closed.
//  7. Answer each Subscribe, Unsubscribe, Load, Commit and Perform once, with one
//     of the events that its comment names. A machine waits for the answer before it
//     asks the store for more of the kind.
//  8. A Commit that may have been applied or not is Unanswered, and comes again
//     with the same number: send it again under the same id. Pause before.
//  9. GaveUp ends everything that is asked of the store for the room: what is
//     answered later is not passed on, a subscription that comes up late is closed. A
//     commit comes again, as when it is Unanswered; but not for longer than the store
//     keeps receipts: then it is Forgotten.
//  10. Subscribed means that no message committed from now on is missed; pass on
//     each one as Delivered, in order. When that can't be vouched for (a reconnect, a
//     queue that was full), say Doubted, in its place between the messages. Set
//     RoomOptions.Wait where a Load may be answered before an older message comes, and
//     answer Wait after a second: else who was only quicker is told that it missed it.
//  11. The writer names one start of one instance, at random. A machine may be
//     dropped when it is Idle; one made again for the same room gets numbers from
//     above the old one's [Room.Number].
//  12. Perform once, in order for each connection, and not before the effect was
//     given: then its commit has succeeded. Answer with JSON.
//  13. To end connections for a reason of your own, ask the machine: Violated for a
//     client's fault, Dismissed for a shutdown. It answers what came before, then
//     sends Close.
//
// Those that follow are for drivers that want a crash to be a Leave. They set
// RoomOptions.List, and run a [Life] for each start of the instance, whose writer
// is that of its rooms.
//
//  14. Tick the Life once in each interval, the first time at the start. Carry out
//     its LoadRecords and CommitRecords beside each other and beside all else, each
//     within an interval or so; one that fails is RecordUnread or RecordUnanswered.
//  15. On List say Wanted, and on Admit answer Listed; or GaveUp when patience is
//     over. Say Unwanted when the machine was dropped, in that order for each room,
//     and Unsure if a commit of it ended as Forgotten.
//  16. On Reap load the room with its members ([DecodeMember]), and give an Orphaned
//     for each one of the dead instance to the room's machine, which is made if there
//     is none. When all are Gone, say Reaped. Perform for an orphan what its Leave asks
//     for: there is no connection to answer to. A member that can't be read is not to
//     be touched; where it is one of the dead instance, say Unreaped instead.
//  17. On Expel give Expelled to the machines of all rooms, and go on driving them until
//     they are Idle, but have nobody enter them any more: that is for new machines,
//     under a new writer, with a new Life, which is told the one before.
//  18. When all connections are gone and all machines dropped, say Stopped, and wait for
//     End. An instance that ends without is taken for dead, which is right too.
package core
