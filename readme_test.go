package est_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the README shows as Go is compiled: each block stands in example_test.go,
// to the letter.
func TestREADMEIsCompiled(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("README.md shows no Go at all")
	}
	for _, b := range blocks {
		if !strings.Contains(string(source), string(b[1])) {
			t.Errorf("this block of README.md is not in example_test.go:\n%s", b[1])
		}
	}
}

// The failures that the README shows are what esttest prints for examples/buggy, and
// what conformance prints in its example.
func TestREADMEShowsTheFailures(t *testing.T) {
	showsOutput(t, "examples/buggy/chat_test.go")
	showsOutput(t, "conformance/example_test.go")
}

// showsOutput wants the last output of an example of file in the README.
func showsOutput(t *testing.T, file string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndex(string(source), "\t// Output:\n")
	if last < 0 {
		t.Fatalf("%s has no example with an output", file)
	}
	output := strings.TrimPrefix(string(source[last:]), "\t// Output:\n")
	output, _, _ = strings.Cut(output, "\n}\n")
	output += "\n"
	var want strings.Builder
	for line := range strings.Lines(output) {
		want.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "\t//"), " "))
	}
	if !strings.Contains(string(readme), "```\n"+want.String()+"```\n") {
		t.Errorf("README.md does not show, between ```:\n%s", want.String())
	}
}

// Every file that the README points to exists.
func TestREADMELinks(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllSubmatch(readme, -1) {
		if _, err := os.Stat(string(m[1])); err != nil {
			t.Errorf("README.md points to %s: %v", m[1], err)
		}
	}
}
