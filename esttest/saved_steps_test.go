package esttest

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var hostileTexts = []string{"", " ", "=", "=x", `="x"`, "#", `"`, `"r"`, "a\xffb", `\`, "c1", "i1", "load", "c1 i1 \"r\"", "est 2", "a\nb", "a\r\n", "\x00\xff", "a\u2028b", "\ufeff", "\u00a0x\u00a0", "{\"a\": \"b\"}", "`", "'", "%s", "\u202e", "wait", "check: x"}

// hostile draws texts that would break a line, or look like something else.
func hostile() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom(hostileTexts),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
}

// anyStep draws a step of any verb with the arguments that it may have.
func anyStep() *rapid.Generator[step] {
	return rapid.Custom(func(t *rapid.T) step {
		s := step{do: verb(rapid.IntRange(1, int(verbCount)-1).Draw(t, "verb"))}
		if s.do == send || rapid.Bool().Draw(t, "of a connection") {
			s.conn = connName{rapid.IntRange(1, 99).Draw(t, "client"), rapid.IntRange(1, 12).Draw(t, "life")}
		}
		if s.do == send || s.do == outside {
			s.text = hostile().Draw(t, "text")
			if s.do == outside {
				s.conn = connName{}
			}
			return s
		}
		s.inst = rapid.IntRange(0, 99).Draw(t, "instance")
		s.op = opKind(rapid.IntRange(0, int(opCount)-1).Draw(t, "op"))
		s.room = hostile().Draw(t, "room")
		return s
	})
}

func TestStepsSurviveFiles(t *testing.T) {
	words := map[string]bool{}
	for v := verb(1); v < verbCount; v++ {
		if verbs[v] == "" || words[verbs[v]] {
			t.Errorf("verb %d has no word of its own: %q", v, verbs[v])
		}
		words[verbs[v]] = true
	}
	survives := func(t interface{ Fatalf(string, ...any) }, s step) {
		line := s.String()
		if strings.TrimSpace(line) != line || strings.ContainsAny(line, "\n\r\u2028\x00") || !utf8.ValidString(line) {
			t.Fatalf("%q is not one line", line)
		}
		if got, err := parseStep(line); err != nil || got != s {
			t.Fatalf("%q is read as %#v, %v; want %#v", line, got, err, s)
		}
	}
	for _, text := range hostileTexts {
		survives(t, step{do: send, conn: connName{1, 1}, text: text})
		survives(t, step{do: hear, inst: 1, room: text})
	}
	rapid.Check(t, func(t *rapid.T) { survives(t, anyStep().Draw(t, "step")) })
}

func TestFilesSurvive(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		f := saved{
			check: "c" + hostile().Draw(t, "check"), test: "t" + hostile().Draw(t, "test"), says: hostile().Draw(t, "says"), faults: hostile().Draw(t, "faults"),
			instances: 99, clients: 99, golang: runtime.Version(),
			steps: rapid.SliceOfN(anyStep(), 1, 8).Draw(t, "steps"),
		}
		path, err := save(dir, f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readSaved(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f, got, compareSteps); diff != "" {
			t.Errorf("-want +got:\n%s\n%s", diff, f)
		}
		if err := os.Remove(path); err != nil { // or the same steps keep what else the file has
			t.Fatal(err)
		}
	})
}
