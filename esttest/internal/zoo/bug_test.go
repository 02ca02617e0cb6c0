package zoo

import (
	"slices"
	"testing"

	"github.com/spinneyio/est/esttest"
)

// TestBugs looks at the labels on the cages.
func TestBugs(t *testing.T) {
	var checks, names []string
	for _, c := range esttest.Checks() {
		checks = append(checks, c.Name)
	}
	builtin := 0
	for i, b := range Bugs() {
		if b.Number != i+1 {
			t.Errorf("%s has number %d, and is number %d", b.Name, b.Number, i+1)
		}
		if b.Name == "" || b.What == "" || b.Reveals == "" || b.Case == nil {
			t.Errorf("bug %d is incomplete: %+v", b.Number, b)
			continue
		}
		if b.Check != "" {
			builtin++
			if !slices.Contains(checks, b.Check) {
				t.Errorf("%s: there is no check %q", b.Name, b.Check)
			}
		}
		names = append(names, b.Case.Name())
	}
	for _, c := range References() {
		names = append(names, c.Name())
	}
	slices.Sort(names)
	if n := len(names); len(slices.Compact(names)) != n {
		t.Errorf("the names are not unique: %q", names)
	}
	if builtin < 20 {
		t.Errorf("%d bugs are to be found without a property, and it should be 20", builtin)
	}
}
