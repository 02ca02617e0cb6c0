// Package gws is the WebSocket transport: an http.Handler over lxzan/gws.
//
//	http.Handle("/consult", gws.Handler(instance, nil))
//
// [Handler] checks the handshake and its origin, asks [Options.Admit], upgrades
// and hands the connection to the instance. Text messages only, no compression.
//
// # Who writes what a client gets
//
// gws parses and unmasks what comes in, and answers the handshake. It writes
// nothing else: its close frames hold internal error texts, and it closes the
// socket at once, which makes the kernel throw away what the client has not read
// yet. So gws reads from a wire that swallows both. All other frames are built
// here. They are copied once, into a pooled buffer, so that all messages of one
// Write leave in one system call; gws would need a call for each message or a
// second copy.
//
// # How a connection ends
//
// Whoever ends it first decides the code that Session.Closed reports:
//
//	what happened                          the client gets      Closed gets
//	the instance calls Close               code and reason      code and reason
//	the client sends a close frame         its code back        its code and reason, 1000 for none
//	its close frame, or any other frame,   1002                 core.CloseLost
//	  breaks RFC 6455
//	the socket breaks, or says nothing     nothing              core.CloseLost
//	  for PingInterval and PongWait
//	a Write or ping exceeds WriteTimeout   nothing              core.CloseLost
//
// A binary frame, a message over the limit and text that is not UTF-8 do not end
// it here: they are told to Session.Violated, and the instance closes.
//
// After a close frame to the client the sending side is shut and the client
// still read, and ignored, until it closes too or [Options.CloseWait] is over:
// only so does what was sent before surely arrive.
//
// # How it reads
//
// A plain socket is read from when there is something, up to 4 KiB at once, into a
// buffer that is borrowed for so long; other connections, as of TLS, keep 512 bytes
// to wait with. The messages in it are handed in together, also when half of another
// one is behind them.
//
// # Goroutines
//
// A connection has one goroutine, which reads and makes all calls of the session.
// Its timer has another for as long as a ping takes, its end one for as long as
// the goodbye takes. http.Server.Shutdown does not know of WebSocket connections:
// they end when the instance closes them.
package gws
