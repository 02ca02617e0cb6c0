// Package pipe connects a client to an instance in memory: for tests, and for
// programs that are a client of the instance they embed.
//
// A [Client] is what a WebSocket client would be, without a network. It behaves
// as one where that matters: messages keep their order, a client that does not
// read makes the instance's Write block, an instance that does not take messages
// makes Send block, and whoever ends the connection first decides its code.
//
// Every client has one goroutine. It hands the client's messages to the instance
// and ends with the connection, so every client must be closed, by either side.
// Everything blocks on Go channels and timers only, so that a test can run
// clients and instances inside a testing/synctest bubble.
package pipe
