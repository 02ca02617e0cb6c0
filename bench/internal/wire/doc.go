// Package wire is what the benchmark's clients and servers have in common: the
// message of 128 bytes that they exchange, WebSocket frames by hand, and two ways to
// write several messages in one system call.
package wire
