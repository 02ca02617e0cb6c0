package esttest

import (
	"fmt"
	"strings"
)

// Faults are what may go wrong in a run. The zero value is what the Redis broker
// and the network around it can really do, up to six times a run.
type Faults struct {
	Kinds Fault // which kinds; 0 is Redis
	Max   int   // how many in one run at most; 0 is 6
}

// Fault is a set of kinds of faults. Join kinds and profiles with |.
type Fault uint32

// The kinds of faults.
const (
	// Conflict: somebody else writes to the room just before a commit, which has to be decided again.
	Conflict Fault = 1 << iota
	// CommitFails: a commit does not take place; it is sent again.
	CommitFails
	// ReplyLost: a commit takes place, and its answer is lost; it is sent again.
	ReplyLost
	// Outage: an instance can't reach the store for a while, perhaps longer than its patience.
	Outage
	// LateCommit: a commit that was given up on takes place after all.
	LateCommit
	// Gap: the connection that brings an instance its messages is cut, and what was on its way is lost. It is told.
	Gap
	// Broken: the connection of a client breaks, and its instance notices later.
	Broken
	// Slow: a client reads too slowly, and is closed.
	Slow
	// Silent: a client does not say hello in time.
	Silent
	// EffectFails: a side effect fails.
	EffectFails
	// Loss: a message is lost and nobody is told, so it is missed at the next one at the soonest, or when the faults end. No broker that passes package conformance does that.
	Loss
	// Duplicate: a message arrives twice. As Loss.
	Duplicate
	// Reorder: a message arrives after later ones. As Loss.
	Reorder
	// Crash: an instance dies at any point, and may be started again. Those that live
	// run the Leaves of its connections.
	Crash
	// Pause: an instance stands still for a while, perhaps so long that others take it for dead.
	Pause

	// NoFaults is a set without any.
	NoFaults

	allFaults = NoFaults - 1
)

// Profiles: what a kind of broker, and the network around it, can really do.
const (
	Memory = Conflict | Broken | Slow | Silent | EffectFails
	Redis  = Memory | CommitFails | ReplyLost | Outage | LateCommit | Gap | Crash | Pause
	// Hostile is all that can happen to messages with a broker that keeps no rule of its contract about them.
	Hostile = Redis | Loss | Duplicate | Reorder
)

var faultNames = []string{"Conflict", "CommitFails", "ReplyLost", "Outage", "LateCommit", "Gap", "Broken", "Slow",
	"Silent", "EffectFails", "Loss", "Duplicate", "Reorder", "Crash", "Pause", "NoFaults"}

// String is the kinds with | between them.
func (f Fault) String() string {
	var names []string
	for i, name := range faultNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := f &^ (NoFaults | allFaults); rest != 0 {
		names = append(names, fmt.Sprintf("unknown %#x", uint32(rest)))
	}
	return strings.Join(names, "|")
}

// kinds is the set with its default.
func (f Faults) kinds() Fault {
	if f.Kinds == 0 {
		return Redis
	}
	return f.Kinds & allFaults
}

// faultOf is the kind that a step belongs to; 0 for steps that go well.
var faultOf = [verbCount]Fault{
	rival: Conflict, fail: CommitFails, lose: ReplyLost, away: Outage, giveUp: Outage, forget: Outage, land: LateCommit,
	cut: Gap, snap: Broken, clog: Slow, expire: Silent, effectFails: EffectFails,
	drop: Loss, twice: Duplicate, delay: Reorder, crash: Crash, restart: Crash, pause: Pause,
}

// fault says whether a step is one.
func (v verb) fault() bool { return faultOf[v] != 0 }
