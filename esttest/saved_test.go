package esttest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compareSteps has go-cmp look into what is saved.
var compareSteps = cmp.AllowUnexported(saved{}, step{}, connName{})

var aSaved = saved{
	check: "lost-update", test: "TestRoom/two clients", says: "a commit to \"r\" was\nlost",
	instances: 2, clients: 3, faults: "Conflict|ReplyLost",
	steps: []step{
		{do: connect, conn: connName{1, 1}, inst: 1},
		{do: send, conn: connName{1, 1}, text: `{"user":"u1","room":"r"}`},
		{do: send, conn: connName{3, 2}, text: " =\n"},
		{do: perform, inst: 2, op: commit, room: "r \"\n"},
		{do: wait},
	},
}

const aFile = `est 1
check: lost-update
test: TestRoom/two clients
says: ="a commit to \"r\" was\nlost"
instances: 2
clients: 3
faults: Conflict|ReplyLost
go: GO

connect c1 i1
send c1 {"user":"u1","room":"r"}
send c3.2 =" =\n"
perform i2 commit "r \"\n"
wait
`

func TestSaved(t *testing.T) {
	dir := t.TempDir()
	path, err := save(dir, aSaved)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Replace(aFile, "GO", runtime.Version(), 1), string(text)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	got, err := readSaved(path)
	if err != nil {
		t.Fatal(err)
	}
	want := aSaved
	want.golang = runtime.Version()
	if diff := cmp.Diff(want, got, compareSteps); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if paths, err := savedIn(dir, aSaved.test); err != nil || !slices.Equal(paths, []string{path}) {
		t.Errorf("savedIn: %q, %v; want %q", paths, err, path)
	}
	if rel, err := filepath.Rel(dir, path); err != nil || rel != filepath.Join("TestRoom_two_clients-4f703461", "lost-update-fdde784e.est") {
		t.Errorf("saved as %q, %v", rel, err)
	}
}

// TestSavedOnce has what is in a folder stay as it is.
func TestSavedOnce(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := save(dir, aSaved); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	paths, err := savedIn(dir, aSaved.test)
	if err != nil || len(paths) != 1 {
		t.Fatalf("saved eight times at once: %q, %v; want one file", paths, err)
	}
	if left, err := os.ReadDir(filepath.Dir(paths[0])); err != nil || len(left) != 1 {
		t.Errorf("files that were left behind: %v, %v", left, err)
	}

	commented := "# seen in production\n" + aFile
	if err := os.WriteFile(paths[0], []byte(commented), 0o644); err != nil {
		t.Fatal(err)
	}
	other := aSaved
	other.says, other.clients, other.faults = "said otherwise", 7, ""
	if path, err := save(dir, other); err != nil || path != paths[0] {
		t.Errorf("the same steps of the same check: %q, %v; want %q", path, err, paths[0])
	}
	if text, err := os.ReadFile(paths[0]); err != nil || string(text) != commented {
		t.Errorf("the file was written anew: %q, %v", text, err)
	}
	for i, change := range []func(f *saved){
		func(f *saved) { f.check = "order" },
		func(f *saved) { f.steps = f.steps[1:] },
		func(f *saved) { f.check, f.steps = "a/../b", nil },
	} {
		f := aSaved
		change(&f)
		if path, err := save(dir, f); err != nil || slices.Contains(paths, path) {
			t.Errorf("change %d: %q, %v; want a new file", i, path, err)
		} else {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	if got, err := savedIn(dir, aSaved.test); err != nil || !slices.Equal(got, paths) {
		t.Errorf("savedIn: %q, %v; want %q", got, err, paths)
	}
}

// TestSavedBesideAnother has a file whose steps were changed by hand stay, and the
// failure that its name is of get another one.
func TestSavedBesideAnother(t *testing.T) {
	dir := t.TempDir()
	first, err := save(dir, aSaved)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{strings.Replace(aFile, "wait\n", "", 1), strings.Replace(aFile, "check: lost-update", "check: order", 1), "est 2\n"} {
		if err := os.WriteFile(first, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		second, err := save(dir, aSaved)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readSaved(second); err != nil || got.check != aSaved.check || !slices.Equal(got.steps, aSaved.steps) {
			t.Errorf("%s: %v, %v", second, got, err)
		}
		if there, err := os.ReadFile(first); err != nil || string(there) != text {
			t.Errorf("%s is now %q, %v", first, there, err)
		}
	}
}

func TestSavedNowhere(t *testing.T) {
	dir := t.TempDir()
	if paths, err := savedIn(dir, "TestNone"); paths != nil || err != nil {
		t.Errorf("savedIn of a test without: %q, %v", paths, err)
	}
	if _, err := readSaved(filepath.Join(dir, "none.est")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("readSaved: %v, want fs.ErrNotExist", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := save(file, aSaved); err == nil || !strings.HasPrefix(err.Error(), "esttest: saving a failure: ") {
		t.Errorf("saved below a file: %v", err)
	}
	if _, err := savedIn(file, "TestRoom"); err == nil {
		t.Error("looked below a file without an error")
	}
	if _, err := save(dir, saved{check: "order"}); err == nil {
		t.Error("saved without a test's name")
	}
}

func TestFileName(t *testing.T) {
	long := strings.Repeat("x", 300)
	names := []string{"TestA/b", "TestA/b#01", "TestA_b", "TestA b", `TestA\b`, "TestA:b", "..", "TestÄ", long, long + "y"}
	seen := map[string]string{}
	for _, name := range names {
		got := fileName(name)
		if before, twice := seen[got]; twice {
			t.Errorf("%q and %q are both %q", before, name, got)
		}
		seen[got] = name
		if len(got) > 100 || strings.ContainsAny(got, `/\:. #Ä`) {
			t.Errorf("%q becomes %q", name, got)
		}
	}
	if seen["TestA_b"] != "TestA_b" {
		t.Error("TestA_b does not stay as it is")
	}
}

func readFile(t *testing.T, text string) (saved, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.est")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := readSaved(path)
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), path, "f.est"))
	}
	return f, err
}

func TestEditedByHand(t *testing.T) {
	got, err := readFile(t, "\r\n# why\n\n  est   1\r\nclients:   3\n\n check:  lost-update\ntest:TestRoom/two clients\r\n"+
		"#says: nothing\n  instances: 2\n\nfaults:\n\tconnect  c1\ti1 \n  # then\nsend   c1   {\"a\":  1}  \n\n\nperform \"r\"   commit i2\nwait")
	if err != nil {
		t.Fatal(err)
	}
	want := saved{check: "lost-update", test: "TestRoom/two clients", instances: 2, clients: 3, steps: []step{
		{do: connect, conn: connName{1, 1}, inst: 1},
		{do: send, conn: connName{1, 1}, text: `{"a":  1}`},
		{do: perform, inst: 2, op: commit, room: "r"},
		{do: wait},
	}}
	if diff := cmp.Diff(want, got, compareSteps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSavedErrors(t *testing.T) {
	const head = "est 1\ncheck: order\ninstances: 2\nclients: 2\n"
	for _, c := range []struct{ text, want string }{
		{"", `esttest: f.est:1: the file is empty: delete it`},
		{"\n# only this\n", `esttest: f.est:1: the file is empty: delete it`},
		{"\nest 2\ncheque: x\n", `esttest: f.est:2: this is "est 2", and this version of esttest reads "est 1": use the version that wrote it, or delete the file and have the failure found again`},
		{"estimate\n", `esttest: f.est:1: a saved failure begins with the line "est 1", and not with "estimate": put it there, or delete the file`},
		{"est 1\ncheck: order\nclients: 1\n", `esttest: f.est:4: the header has no "instances: …": add the line, or delete the file and have the failure found again`},
		{head + "cheque: x\n", `esttest: f.est:5: "cheque" is no key of the header: mend the line, or put a # before it`},
		{head + "check: x\n", `esttest: f.est:5: "check" is there twice: delete one`},
		{head + "wait\nsays: x\n", `esttest: f.est:6: "says" stands among the steps: move it to the header`},
		{head + "says: =x\n", `esttest: f.est:5: says: x is not a quoted text; only one that begins with = has to be`},
		{"est 1\nclients: 0\n", `esttest: f.est:2: clients: "0" is not a number from 1: mend the line`},
		{head + "\n#\nconect c1 i1\n", `esttest: f.est:7: "conect c1 i1" is not a step: mend the line, or put a # before it`},
		{head + "connect x1\n", `esttest: f.est:5: step "connect x1": "x1" is neither a connection (c1), an instance (i1), nor a room ("r"): mend the line, or put a # before it`},
		{head + `hear i1 "r`, `esttest: f.est:5: step "hear i1 \"r": "r is not a quoted room: mend the line, or put a # before it`},
		{head + "send c1 =x", `esttest: f.est:5: step "send c1 =x": x is not a quoted text; only one that begins with = has to be: mend the line, or put a # before it`},
		{head + "close c3", `esttest: f.est:5: step "close c3": there is no client 3: mend the line, or "clients: 2" in the header`},
		{head + "crash i3", `esttest: f.est:5: step "crash i3": there is no instance 3: mend the line, or "instances: 2" in the header`},
	} {
		if _, err := readFile(t, c.text); err == nil || err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}
