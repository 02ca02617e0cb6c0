package house

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// example is sources, and how the violations begin that a rule must find in them.
type example struct {
	rule, about, files string
	want               []string
}

// TestRules shows each rule sources that break it and sources that don't.
func TestRules(t *testing.T) {
	bites, spares := map[string]bool{}, map[string]bool{}
	for _, c := range slices.Concat(treeCases, arrowsCases, purityCases, textCases, commentsCases, publicCases) {
		t.Run(c.rule+"/"+c.about, func(t *testing.T) {
			i := slices.IndexFunc(Rules, func(r Rule) bool { return r.Name == c.rule })
			if i < 0 {
				t.Fatalf("there is no rule %q", c.rule)
			}
			got := Rules[i].Check(Read(files(c.files)))
			for n, violation := range got {
				if n >= len(c.want) || !strings.HasPrefix(violation, c.want[n]) {
					t.Errorf("unexpected: %s", violation)
				}
			}
			if len(got) < len(c.want) {
				t.Errorf("not found: %q", c.want[len(got):])
			}
		})
		bites[c.rule] = bites[c.rule] || len(c.want) > 0
		spares[c.rule] = spares[c.rule] || len(c.want) == 0
	}
	for _, r := range Rules {
		if !bites[r.Name] || !spares[r.Name] {
			t.Errorf("rule %q needs a case that it catches and one that it lets pass", r.Name)
		}
	}
}

// files makes a tree of a text in which "-- name --" begins a file. The line
// after that is the file's first.
func files(text string) fstest.MapFS {
	tree := fstest.MapFS{}
	for _, file := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, content, _ := strings.Cut(file, " --\n")
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return tree
}

// TestTables keeps the arrows free of rows that say nothing new.
func TestTables(t *testing.T) {
	seen := map[[2]string]bool{}
	for _, a := range slices.Concat(production, tests) {
		if key := [2]string{a.from, a.to}; seen[key] || a.why == "" {
			t.Errorf("the arrow from %s to %s stands there twice, or without a reason", a.from, a.to)
		} else {
			seen[key] = true
		}
	}
	for _, s := range shown {
		if !slices.Contains(modules, s.module) || s.why == "" {
			t.Errorf("%s may show %s: not a module of ours, or no reason", s.folder, s.module)
		}
	}
}
