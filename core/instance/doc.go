// Package instance drives the machines of package core: it hands connections in
// and out, asks the broker, performs side effects, and keeps the limits.
//
//	i, err := instance.New(integration, memory.New(nil), nil)
//	http.Handle("/chat", gws.Handler(i, nil))
//	…
//	i.Shutdown(ctx)
//
// Who runs what:
//
//  1. A connection has no goroutine here but its transport's. That one checks the
//     rate, waits for free slots, and posts what has come together to the inbox of the
//     room that has the connection. If that is a lobby that rests, it then does what 2
//     and 3 say, once, and nothing has to wait for a goroutine to run.
//  2. A room has a goroutine while its inbox is not empty. It alone calls the
//     integration's functions for the room, and waits for the broker. Rooms run in
//     parallel; connections without a room are spread over a few lobbies.
//  3. What is to be written is written by a few goroutines for all connections, one
//     more than GOMAXPROCS. Peers that do not read hold them up; when all of them are,
//     there are twice as many after 5 to 10 ms, and so on. A connection has a
//     goroutine that performs while side effects wait.
//  4. The instance has a goroutine for its heartbeat and for what follows from those
//     of others; it begins with [New] and ends with Shutdown. While a call of the broker
//     is under way for it, or a room of a dead instance is being reaped, that has a
//     goroutine too.
//  5. All of them end by themselves, but for a few that are kept for the next task
//     until the instance ends. [Instance.Shutdown] waits for what they do.
//
// A crash is a Leave. Each Options.Heartbeat the instance commits once and loads
// once, and each fifth time commits once more: 1.1 calls a second by default, whatever
// there is to hold; what is loaded has 70 bytes for each instance. The first connection
// in a room costs one small commit more, beside the two round trips that it takes
// anyway, and rooms entered at the same time share it; those that were left share one
// each heartbeat. A member takes 110 bytes in the store besides its identity and data,
// 46 of them to say whose it is; a room its key once more, for each instance that is in
// it. When an instance stands still for a lease, five heartbeats, another one runs the
// Leaves of its connections, each exactly once, and performs their side effects. While the broker can't be reached nobody is
// given up. An instance that finds itself given up closes the connections that are in
// rooms with core.CloseComeBack, and goes on under another name. Shutdown leaves
// nothing behind; when it is cut off, others see to the rest like after a crash.
//
// Bounds: what a client sends waits in Options.Inbound slots, then the transport
// is not read; a slot is kept through a change of rooms, and by the side effects
// that a message led to. What is sent to a client waits up to
// Options.OutboundMessages and OutboundBytes, then it is closed. Messages of a room
// wait up to Options.Hold, then there is a gap.
package instance
