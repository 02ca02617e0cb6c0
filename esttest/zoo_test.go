package esttest_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spinneyio/est/esttest"
	"github.com/spinneyio/est/esttest/internal/zoo"
)

var (
	zooSeeds = flag.Int("zoo", 0, "with how many seeds each bug of the zoo is looked for; 0: each fifth one, with one seed")
	zooTable = flag.String("zoo.table", "", "file to write the table of the zoo to")
	refRuns  = flag.Int("references", 200, "how many runs must find nothing in each reference")
	hostile  = flag.Bool("references.hostile", false, "also with messages that are lost, late and come twice")
)

// In correct integrations nothing is found.
func TestReferences(t *testing.T) {
	for _, c := range zoo.References() {
		t.Run(c.Name(), func(t *testing.T) {
			o := &esttest.Options{Runs: *refRuns, Seed: 1}
			if *hostile {
				o.Faults.Kinds = esttest.Hostile // one after the other, for -failfast
			} else {
				t.Parallel()
			}
			rep := c.Explore(o)
			if f := rep.Failure; f != nil {
				t.Fatalf("found, and it is not there: %s", f.History)
			}
			t.Logf("%v\n%q", &rep.Stats, rep.Gaps)
		})
	}
}

// Each bug of the zoo is found, by the check that its entry names, with every seed.
// All of them are looked for by .ci/run.
func TestZoo(t *testing.T) {
	bugs := zoo.Bugs()
	caught := make([]catch, len(bugs))
	t.Run("bugs", func(t *testing.T) {
		for i, b := range bugs {
			t.Run(b.Name, func(t *testing.T) {
				t.Parallel()
				if *zooSeeds > 0 || i%5 == 0 {
					caught[i] = look(t, b, max(1, *zooSeeds))
				}
			})
		}
	})
	builtIn := 0
	for _, b := range bugs {
		if b.Check != "" {
			builtIn++
		}
	}
	if len(bugs) < 25 || builtIn < 18 {
		t.Errorf("%d bugs, %d of them found without a property; want 25 and 18", len(bugs), builtIn)
	}
	if *zooTable != "" && *zooSeeds > 0 && !t.Failed() {
		if err := os.WriteFile(*zooTable, []byte(table(caught)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// catch is how a bug was found.
type catch struct {
	bug                   zoo.Bug
	check                 string
	runs, decisions, left []int // with each seed
}

func look(t *testing.T, b zoo.Bug, seeds int) catch {
	c := catch{bug: b}
	for seed := range seeds {
		rep := b.Case.Explore(&esttest.Options{Runs: 6000, Seed: uint64(seed) + 1})
		f := rep.Failure
		if f == nil {
			t.Errorf("not found with seed %d: %s", seed+1, b.What)
			continue
		}
		if !mayFind(f.Check, b) {
			t.Errorf("found with seed %d by %s; want %s\n%s", seed+1, f.Check, cmp.Or(b.Check, "a property"), f.History)
		}
		c.check = f.Check
		c.runs, c.decisions = append(c.runs, f.Runs), append(c.decisions, rep.Stats.Steps)
		if f.Tried == 1 {
			continue // it didn't come again, so it could not be made short
		}
		c.left = append(c.left, len(f.Steps))
	}
	slices.Sort(c.runs)
	slices.Sort(c.decisions)
	slices.Sort(c.left)
	if n := len(c.left); n > 0 && c.left[n-1] > c.left[0]+2 && c.check != "growth" {
		t.Errorf("histories end with %v decisions: the longest is more than 2 above the shortest", c.left)
	}
	return c
}

// mayFind says whether a check may be the one that finds a bug. A state that has the
// wrong one of two is found by whichever is looked at first; and a bug that takes a
// property may, by chance, show in such a state too.
func mayFind(check string, b zoo.Bug) bool {
	wrongOne := check == "dead-reference" || check == "lost-member"
	switch b.Check {
	case "":
		return check == "Always" || check == "Eventually" || wrongOne
	case "dead-reference", "lost-member":
		return wrongOne
	}
	return check == b.Check
}

func table(caught []catch) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The zoo\n\nEach bug is one function of a correct integration with one mistake, and is looked for with %d seeds:\n"+
		"`go test ./esttest -run TestZoo -args -zoo %d -zoo.table ZOO.md` writes this table. Runs and decisions are medians\n"+
		"until it is found; the history is what is left of it, at best and at worst.\n\n", *zooSeeds, *zooSeeds)
	b.WriteString("| | bug | found by | of your own? | run | share of runs | decisions | history |\n|---:|---|---|---|---:|---:|---:|---:|\n")
	for _, c := range caught {
		own := ""
		if c.bug.Check == "" {
			own = "a property"
		}
		runs, history := c.runs[len(c.runs)/2], "does not come again"
		if n := len(c.left); n > 0 {
			history = fmt.Sprintf("%d–%d", c.left[0], c.left[n-1])
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %d | %.3g %% | %d | %s |\n", c.bug.Number, c.bug.What, c.check, own,
			runs, 100/float64(runs), c.decisions[len(c.decisions)/2], history)
	}
	return b.String()
}
