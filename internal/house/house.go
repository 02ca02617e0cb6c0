// Package house has the rules of this repository, as code: who may import whom
// and why, what core must not know, what the public surface may show, and what
// may be committed at all. The test in the root folder runs them on the tree.
//
// A rule reads sources; it neither builds nor loads what they import, so it needs
// no network and no second. Each is tried on small sources in house_test.go: one
// that it must catch, and one that it must let pass.
package house

// Rule is one rule of the house.
type Rule struct {
	Name string

	// Check answers with one line per violation: where it is, what is wrong, and
	// what to do.
	Check func(*Tree) []string
}

// Rules are all of them.
var Rules = []Rule{
	{"sources parse", func(t *Tree) []string { return t.broken }},
	{"arrows", checkArrows},
	{"core is pure", checkPurity},
	{"direct requirements", checkRequirements},
	{"packages have comments", checkPackageComments},
	{"exported names have comments", checkComments},
	{"exported names use the house's words", checkWords},
	{"no third party in public", checkThirdParty},
	{"tests do not sleep", checkSleeps},
	{"nothing of a developer's machine", checkMachine},
	{"nothing left for later", checkLeftovers},
}
