// Package redistest runs real Redis servers for tests, and does to them and to the
// way there what a network and an operator do at their worst. Only tests import it.
//
//   - [Start] has one server: killed, restarted with its data or without, rolled
//     back, paused.
//   - [NewProxy] has a way to a server: cut, held, turned into a black hole, or
//     losing one reply.
//   - [StartCluster] has a cluster of several primaries, and replicas.
//   - [StartSentinel] has a primary, a replica and the sentinels that watch them.
//
// Rules:
//
//  1. What is started ends with the test that started it, and on Linux also with
//     the test's process, however that ends. Log and data are in t.TempDir; the
//     end of the log is shown if the test fails.
//  2. The program is the one that the environment variable EST_REDIS_SERVER names,
//     or else redis-server or valkey-server from the PATH. Without one the test is
//     skipped, but fails where the environment variable CI is not empty.
//  3. Functions that start something need the test's own goroutine: they end the
//     test if they fail. Methods return errors, and may be called by all goroutines
//     at once.
//  4. A fault is done when its method returns: there is nothing to sleep for.
//     What the other side makes of it is seen later, by what it does.
//  5. All ports are lower than those that systems take for outgoing connections
//     (from 32768 on Linux). So a port is still free when its server comes back,
//     and nobody who dials it meanwhile can happen to connect to itself; nor to
//     another server or proxy, of this process or of one beside it.
package redistest
