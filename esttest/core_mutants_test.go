package esttest_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The machines themselves are broken here, one line each, and the references of
// the zoo must show it: the simulator would find a bug of est as it finds one of yours.

var breakCore = flag.Bool("core", false, "break package core in many ways, and see that each is found; about ten seconds each")

// coreMutant is one line of package core, and what it is changed to.
type coreMutant struct {
	name, file, old, new string
	found                string // the checks that may find it
}

var coreMutants = []coreMutant{
	{"the version is ignored", "commit.go", "Any: !d.validated,", "Any: true,", "lost-update"},
	{"subscribed late", "decide.go", "(r.link != linkLive || r.listing != listed)", "r.listing != listed", "missed-message"},
	{"released before the commit", "decide.go", "\tcase d.needed:\n", "\tcase d.needed:\n\t\tr.release(d, 0)\n", "effects order wrong-target clean-up dead-reference"},
	{"delivered to the sender", "hear.go", "&& m.since < seq && m.id != d.From", "&& m.since < seq", "wrong-target"},
	{"delivered to everybody", "hear.go", "from := r.identity[d.To]\n\tif d.All {", "from := r.identity[d.To]\n\tif true {", "wrong-target"},
	{"delivered what was before the join", "release.go", "m.since = base + uint64(x.messages)\n\t\t\tr.setJoined", "r.setJoined", "wrong-target"},
	{"a doubt is forgotten", "room.go", "r.doubt, r.late = true, true\n\tdefault:", "r.late = true\n\tdefault:", "missed-message"},
	{"what was missed is not looked at", "hear.go", "r.doubt, r.missing = false, ev.Record.At.Seq", "r.doubt = false", "missed-message"},
	{"a stale state is good enough", "hear.go", "fresh := r.fresh(ev)", "fresh := r.fresh(ev) || r.known", "stale-state"},
	{"no Leave while a commit is under way", "member.go", "\t\tm.deaf = true\n\t\tr.depart(m)", "\t\tm.deaf = true\n\t\tif r.flight != nil {\n\t\t\treturn\n\t\t}\n\t\tr.depart(m)", "clean-up dead-reference"},
	{"the member stays when its connection moves", "decide.go", "r.runLeave(&e, m.id, m.next.data, conn, x)\n\t\tm.later = false", "r.runLeave(&e, m.id, m.next.data, conn, x)", "clean-up leave dead-reference"},
	{"the old room has no Leave when a connection moves", "decide.go", "\t\tr.runLeave(&e, m.id, m.next.data, conn, x)\n", "", "leave dead-reference clean-up"},
	{"a close is forgotten", "release.go", "case x.code != 0:\n", "case x.code != 0 && x.joins:\n", "close"},
	{"a side effect is lost", "release.go", "for _, effect := range x.perform {", "for _, effect := range x.perform[min(1, len(x.perform)):] {", "effects"},
	{"a side effect happens twice", "release.go", "r.emit(Perform{c, m.id, effect})", "r.emit(Perform{c, m.id, effect})\n\t\t\tr.emit(Perform{c, m.id, effect})", "effects"},
	{"sent again under another number", "commit.go", "\tc.Again++\n\tr.flight.sent = c\n", "\tc.Again++\n\tr.n++\n\tc.N, r.flight.number = r.n, r.n\n\tr.flight.sent = c\n", "effects missed-message wrong-target order dead-reference clean-up"},
	{"a member that may be stored is forgotten", "member.go", "if m.joined || r.flight != nil && r.flight.over && m.draft == r.flight.id {", "if m.joined {", "clean-up dead-reference"},
	{"decided again on the old state", "commit.go", "\t\tr.limit = max(1, len(f.decided)/2)\n\t}\n\tr.snapshot(ev.Record)", "\t\tr.limit = max(1, len(f.decided)/2)\n\t}\n\tr.version = ev.Record.Version", "lost-update"},
	{"sent after the close", "release.go", "if x.reply != nil && !m.deaf {", "if x.reply != nil {", "send-after-close"},
	{"the identity stays what it was", "member.go", "r.identity[s.identity] = append(r.identity[s.identity], m)\n\t}\n\tm.seat = s", "r.identity[m.seat.identity] = append(r.identity[m.seat.identity], m)\n\t}\n\tm.seat = s", "missed-message wrong-target"},
	{"messages are heard twice", "hear.go", "if ev.At.Seq <= r.seen.Seq {\n\t\treturn true\n\t}", "if ev.At.Seq < r.seen.Seq {\n\t\treturn true\n\t}", "order"},
}

// TestCoreMutantsFit looks whether each line to break is there, once.
func TestCoreMutantsFit(t *testing.T) {
	for _, m := range coreMutants {
		m.broken(t)
	}
}

// broken is the file with the mutant's line changed, and where it belongs.
func (m coreMutant) broken(t *testing.T) (path, source string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../core", m.file))
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(good), m.old); n != 1 {
		t.Fatalf("%s: %s has %d places like this, want 1:\n%s", m.name, m.file, n, m.old)
	}
	return path, strings.Replace(string(good), m.old, m.new, 1)
}

func TestCoreMutants(t *testing.T) {
	if !*breakCore {
		t.Skip("breaking package core takes minutes: go test ./esttest -timeout 30m -run TestCoreMutants -args -core")
	}
	for _, m := range coreMutants {
		t.Run(m.name, func(t *testing.T) {
			path, source := m.broken(t)
			dir := t.TempDir()
			broken, overlay := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json")
			if err := os.WriteFile(broken, []byte(source), 0o666); err != nil {
				t.Fatal(err)
			}
			replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: broken}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, replace, 0o666); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("go", "test", "-overlay", overlay, "-run", "TestReferences", "-failfast", ".", "-args", "-references", "800", "-references.hostile").CombinedOutput()
			if err == nil {
				t.Fatalf("nothing found")
			}
			found := ""
			for name := range strings.FieldsSeq(m.found) {
				if strings.Contains(string(out), "it is not there: "+name+":") {
					found = name
				}
			}
			if found == "" {
				t.Fatalf("found, but not by %s:\n%s", m.found, out)
			}
			t.Logf("found by %s", found)
		})
	}
}
