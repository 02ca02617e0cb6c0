package house

import (
	"fmt"
	"go/ast"
	"slices"
)

// impure has what core must not import, and why. All below it is meant too.
var impure = []struct{ path, why string }{
	{"context", "a machine never waits, so there is nothing to cancel"},
	{"crypto/rand", "randomness is an input"},
	{"hash/maphash", "randomness is an input"},
	{"log", "a machine reports by its effects"},
	{"math/rand", "randomness is an input"},
	{"net", "input and output are the driver's"},
	{"os", "input and output are the driver's"},
	{"sync", "one goroutine at a time has a machine; locks are the driver's"},
}

// clock has what core must not use of package time.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// checkPurity looks at package core itself: core/instance is the driver.
func checkPurity(t *Tree) (violations []string) {
	for _, s := range t.main() {
		if s.dir != "core" || s.test {
			continue
		}
		complain := func(n ast.Node, what, why string) {
			violations = append(violations, fmt.Sprintf("%s: core %s: %s. Make it an event or an effect, and let core/instance do it", t.at(n), what, why))
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				for _, not := range impure {
					if within(importPath(n), not.path+"/...") {
						complain(n, "imports "+importPath(n), not.why)
					}
				}
				if n.Name != nil && n.Name.Name == "." {
					complain(n, "imports "+importPath(n)+" with a dot", "it hides what is used of it")
				}
			case *ast.GoStmt:
				complain(n, "starts a goroutine", "a machine is a function of its events")
			case *ast.ChanType:
				complain(n, "has a Go channel", "events and effects are plain data")
			case *ast.SelectorExpr:
				if s.imported(n.X) == "time" && slices.Contains(clock, n.Sel.Name) {
					complain(n, "uses time."+n.Sel.Name, "time is an input")
				}
			}
			return true
		})
	}
	return violations
}
