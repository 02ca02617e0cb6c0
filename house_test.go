package est_test

import (
	"os"
	"testing"

	"github.com/spinneyio/est/internal/house"
)

// TestHouse runs the rules of the house on the whole tree: who may import whom,
// what core must not know, what the public surface may show. Package house has
// them, with the reasons.
func TestHouse(t *testing.T) {
	tree := house.Read(os.DirFS("."))
	// All rules hold where nothing was read.
	for _, name := range []string{"go.mod", "doc.go", "core/integration.go", ".ci/run"} {
		if tree.Text[name] == nil {
			t.Errorf("%s was not read: this test runs in the wrong folder, or the tree is incomplete", name)
		}
	}
	for _, rule := range house.Rules {
		t.Run(rule.Name, func(t *testing.T) {
			for _, violation := range rule.Check(tree) {
				t.Error(violation)
			}
		})
	}
}
