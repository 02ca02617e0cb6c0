package house

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// checkRequirements reads the main go.mod line by line: what parses it properly
// is not in the standard library.
func checkRequirements(t *Tree) (violations []string) {
	block := false
	for i, line := range strings.Split(string(t.Text["go.mod"]), "\n") {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 0:
			continue
		case words[0] == "require":
			words = words[1:]
			block = len(words) == 1 // only the parenthesis follows
		case words[0] == ")":
			block = false
		case !block:
			continue
		}
		if len(words) == 2 && strings.TrimSpace(comment) != "indirect" && !slices.Contains(modules, words[0]) {
			violations = append(violations, fmt.Sprintf("go.mod:%d: requires %s: the main module has five direct requirements. Do without, or give what needs it a module of its own", i+1, words[0]))
		}
	}
	return violations
}

// checkSleeps wants tests to wait for what they wait for. Files that use synctest
// may sleep: in its bubble the clock is fake, and a sleep is exact.
func checkSleeps(t *Tree) (violations []string) {
	for _, s := range t.sources {
		synctest := func(imp *ast.ImportSpec) bool { return importPath(imp) == "testing/synctest" }
		if !s.test || slices.ContainsFunc(s.syntax.Imports, synctest) {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && s.imported(sel.X) == "time" && sel.Sel.Name == "Sleep" {
				violations = append(violations, fmt.Sprintf("%s: a test sleeps. Wait for the event itself, or let the clock of testing/synctest decide", t.at(sel)))
			}
			return true
		})
	}
	return violations
}

// Neither expression finds itself.
var (
	// machine finds paths that begin where they stand, unlike those within an URL.
	machine   = regexp.MustCompile(`(^|[^\w.)}\]-])(/(home|Users|root|work)/[\w.]|[A-Za-z]:\\+Users\\)`)
	leftovers = regexp.MustCompile(`\b(TOD[O]|FIXM[E])\b`)
)

func checkMachine(t *Tree) []string {
	return t.grep(machine, "names a path of somebody's machine. Make it relative, or an option")
}

func checkLeftovers(t *Tree) []string {
	return t.grep(leftovers, "leaves something for later. Do it now, or make it an issue and take the mark out")
}
