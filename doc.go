// Package est (Electric SockeT) runs applications that talk over sockets and are
// written as a handful of pure functions: in a unit test on one process, in
// production on many instances that share a broker. The package itself has no
// code: it is the map of the house.
//
// An application is a [core.Integration]: functions from a connection's data, its
// room's state and an event to an outcome, which says what to store, send, publish,
// perform and close. An instance runs it:
//
//	i, err := instance.New(integration, memory.New(nil), nil)
//	http.Handle("/chat", gws.Handler(i, nil))
//
// # The packages
//
//   - [core]: what you write (Integration, Outcome), and the pure machines that run
//     it. No clock, no goroutine, the standard library only.
//   - [core/instance]: drives the machines: connections in and out, the broker,
//     side effects, limits, draining.
//   - [broker]: the contract for stores, as numbered rules, and the rules as a pure
//     function. The standard library only.
//   - [memory]: the embedded broker, for one process and for tests.
//   - [redis]: the broker for several processes.
//   - [conformance]: proves a broker, or a transport, of your own.
//   - [transport]: what a transport and an instance promise each other.
//   - [transport/gws]: WebSocket, as an http.Handler.
//   - [transport/pipe]: a client in memory, for tests and for embedding.
//
// Programs to read and run are in the folder examples: counter is the smallest
// thing that can conflict, consult has a web page and all that an application
// usually needs, custombroker is a broker to copy from.
//
// # The way of a message
//
//	frame ─► transport ─► core/instance ─► the room's machine ─► effects ─► broker
//	client ◄─ reply, close ◄─ effects released ◄─ the room's machine ◄─ receipt ─┘
//	broker ─► message ─► the room's machine of every instance ─► Deliver ─► frames
//
// Nothing that an outcome asked for happens before its commit has succeeded. If
// another instance was faster, the same functions decide again on what it left.
//
// [core]: https://pkg.go.dev/github.com/spinneyio/est/core
// [core.Integration]: https://pkg.go.dev/github.com/spinneyio/est/core#Integration
// [core/instance]: https://pkg.go.dev/github.com/spinneyio/est/core/instance
// [broker]: https://pkg.go.dev/github.com/spinneyio/est/broker
// [memory]: https://pkg.go.dev/github.com/spinneyio/est/memory
// [redis]: https://pkg.go.dev/github.com/spinneyio/est/redis
// [conformance]: https://pkg.go.dev/github.com/spinneyio/est/conformance
// [transport]: https://pkg.go.dev/github.com/spinneyio/est/transport
// [transport/gws]: https://pkg.go.dev/github.com/spinneyio/est/transport/gws
// [transport/pipe]: https://pkg.go.dev/github.com/spinneyio/est/transport/pipe
package est
