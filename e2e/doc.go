// Package e2e holds the tests that need a real network or a real browser. It is a
// module of its own, so that est itself does not depend on what they need.
//
//   - scenario_test.go plays examples/consult/scenario/scenario.txt against the
//     built program, over WebSockets; also in two processes on one Redis.
//   - outage_test.go kills that Redis, cuts a process off from it, kills a process or
//     stops it for a while, while two people talk. What must hold then is said in fate_test.go.
//   - gap_test.go loses a message in each way that there is.
//   - soak_test.go runs the command soak for a short while: it breaks processes, Redis
//     and connections at random, under a few hundred clients.
//   - badinput_test.go sends to an instance what no good client would.
//   - browser_test.go opens the program's page in a headless Chromium.
package e2e
