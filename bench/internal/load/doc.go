// Package load is the load generator: a process that opens connections to a server,
// keeps a number of messages in flight on each, and says how long they took.
//
// The loop is closed: a connection sends its next message when an earlier one is
// done. What done means depends on the mode. Only in mode Paced messages are sent at
// fixed times, whatever the server does.
//
// [Main] is the process. It connects, prints CONNECTED, waits for a line, warms up
// with an eighth of the messages, prints READY, waits for a line, measures, prints
// RESULT and a [Result] as JSON, and ends with the next line or the end of its input.
package load
