// Package zoo has what the simulator of package esttest is proven with: correct
// integrations, in which it must find nothing however long it looks, and bugs, each
// of which it must find.
//
// Six species live here. Each is a file with the integration, one with its model,
// and one with its bugs:
//
//   - presence: who is in a room, one of them its host; several devices of a user,
//     no more than so many users. Resync shows the room anew.
//   - chat: a bounded history that outlives its readers, and per connection how
//     far it has heard and how much of it is unread.
//   - auction: bids, each of which asks for one mail. Messages are forwarded as
//     they are, and whoever may have missed one comes back.
//   - lobby: connections that move between tables, where a newer connection of a
//     user takes the seat of the older one.
//   - tally: a sum, generic in the type that it is kept in.
//   - whispers: messages to one user, by a name that may change. It has no bugs.
//
// A bug is one that a user of est could write: one function of a species, copied
// with a mistake. What est itself could do wrong is not here.
//
// Each species has two models: the plain one, whose Client is all that a user must
// write, and the strict one, which has properties as well. A bug with a Check is
// meant to be found with the plain model.
package zoo
