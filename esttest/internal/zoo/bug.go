package zoo

import "slices"

// Bug is a mistake that a user of est could make.
type Bug struct {
	Number  int    // from 1, in the order of Bugs
	Name    string // unique
	What    string // the mistake, in a sentence
	Reveals string // what reveals it
	Check   string // the built-in check that is expected to find it; "" if it takes a property
	Case    Case   // has the strict model if Check is "", and the plain one if not
}

// Bugs are all bugs. The slice is the caller's.
func Bugs() []Bug {
	bugs := slices.Concat(presenceBugs(), chatBugs(), auctionBugs(), lobbyBugs(), tallyBugs())
	for i := range bugs {
		bugs[i].Number = i + 1
	}
	return bugs
}

// References are the correct integrations, each with both of its models. The
// slice is the caller's.
func References() []Case {
	return slices.Concat(presence.references(), chat.references(), auction.references(), lobby.references(), tally.references(), whispers.references())
}
