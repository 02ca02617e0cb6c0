// Package esttest finds the concurrency bugs of an integration, in plain go test,
// without a network and with nothing to install.
//
//	func TestChat(t *testing.T) {
//		esttest.Check(t, chat.Integration, esttest.Model[chat.Data, chat.Room]{
//			Client: func(c esttest.ClientView) *rapid.Generator[any] {
//				if c.Sent() == 0 {
//					return rapid.Just[any](chat.Hello{User: users[c.Index()], Room: "tea"})
//				}
//				return rapid.SampledFrom([]any{"hi", "how are you?"})
//			},
//		}, nil)
//	}
//
// [Check] runs the integration on a simulated cluster: a few instances, made of the
// same machines of package core that production runs, a store that keeps the rule
// of package broker, clients, and all that can go wrong between them. It does so by
// thousands of schedules. [Explore] is the same without a testing.TB, [Exhaust]
// visits every schedule of a small scope, and [New] makes a cluster for tests that
// tell a story.
//
// # What it looks for
//
// The checks that [Checks] lists need no code. Some hold for every integration:
// that functions are pure, that a message is never missed, that no room state names
// a connection that is long gone. Some are habits, which are learned in the first
// runs, that have no concurrency and no faults: if the state always has every member
// there, it must have them in every other order too. A [Model] adds properties of
// its own.
//
// # How it works
//
// A run is a list of decisions: what happens next. A client connects, or sends, or
// goes; what an instance asked of the store takes place, and its answer arrives, as
// two decisions; a message reaches an instance; something fails. Nothing else moves
// the cluster, no goroutine, no clock, so the same decisions always lead to the
// same end. At the end of each run the faults end, everything settles, and all
// clients leave.
//
// Runs rotate through four kinds of schedules, since no kind finds every bug soon:
// "weighted" picks at random by weights that were tuned by hand, "swarm" (Groce et
// al., ISSTA 2012) leaves out half of what could be picked and weighs the rest at
// random, "pct" is PCT (Burckhardt et al., ASPLOS 2010), "pos" partial order
// sampling (Yuan, Yang and Gu, CAV 2018). A few "long" runs look for growth.
//
// What is found is made short: decisions are taken away, moved and made simpler as
// long as the same check still fails. The decisions name who does what, so a list
// still means something when others are taken away. The result is drawn, and saved
// as a text file under testdata/esttest, one decision a line. It is run first the
// next time; keep it with the code.
//
// # What it can't find
//
// A store that breaks its contract: that is for package conformance; the faults here
// are those of a broker that passes it, see [Fault]. Real time: timers fire when the
// schedule says. What happens in transports, and in your Perform function, of which
// the model has a fake. A crash loses no store: the profile [Memory] has none.
package esttest
