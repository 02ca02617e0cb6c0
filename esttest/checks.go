package esttest

import "slices"

// CheckInfo is a built-in check. It needs no code of the user.
type CheckInfo struct {
	Name string // for Options.Disable, and in failures
	What string // what it finds, and why that matters
}

// Checks are the built-in checks. The slice is the caller's.
func Checks() []CheckInfo { return slices.Clone(checks) }

var checks = []CheckInfo{
	{"purity", "A function answered differently when it was called again with the same arguments: it uses a clock, randomness, the order of a map, or a variable of its own. Transitions are decided again after a conflict, and on any instance."},
	{"mutation", "A function changed the room state, the connection data or the message that it was given. Deliveries share one copy of the state."},
	{"panic", "A function panicked. In production its connection would be closed with 1011."},
	{"outcome", "An outcome is invalid, or can't be encoded. In production its connection would be closed with 1011."},
	{"codec", "A value changes on its way through JSON, which is how the store and other instances get it: unexported fields, numbers in an any, a lossy MarshalJSON."},
	{"lost-update", "A commit replaced a room state that its transitions had not seen: an update was lost or applied twice."},
	{"dead-reference", "A room state still names a connection that is over, after everything has settled: a ghost that nobody will ever remove."},
	{"lost-member", "A room state doesn't have a member that is connected, after everything has settled, though in runs without concurrency it always has all members."},
	{"wrong-target", "A connection heard a message that is not for it."},
	{"order", "A connection heard messages twice or out of order."},
	{"missed-message", "A member never heard a message that was for it, and was neither resynced nor closed."},
	{"stale-state", "Deliver was given a room state older than the commit that published the message."},
	{"send-after-close", "Something was sent to a connection after its close."},
	{"close", "A close that was asked for did not happen."},
	{"effects", "A side effect was performed that no committed transition asked for, or twice, or not at all."},
	{"leave", "A member was removed without Leave."},
	{"clean-up", "Everybody has left, and members, an empty room state, or one that is deleted when there is no concurrency, stay in the store for ever."},
	{"quiescence", "Without input the cluster never comes to rest: messages lead to messages."},
	{"growth", "A room state grows with every message, while nobody comes or goes."},
	{"determinism", "The same decisions, run twice, led to different ends."},
}

func isCheck(name string) bool {
	return slices.ContainsFunc(checks, func(c CheckInfo) bool { return c.Name == name })
}
