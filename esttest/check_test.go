package esttest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

// recorder is a testing.TB that takes down what it is told.
type recorder struct {
	testing.TB
	name    string
	log     []string
	failed  bool
	cleanup []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Name() string     { return r.name }
func (r *recorder) Failed() bool     { return r.failed }
func (r *recorder) Skipped() bool    { return false }
func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Logf(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *recorder) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.failed = true
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

func (r *recorder) String() string { return strings.Join(r.log, "\n") }

// record runs f as a test of this name.
func record(name string, f func(t testing.TB)) *recorder {
	r := &recorder{name: name}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	for _, f := range r.cleanup {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
	return r
}

// A failure is told, saved, run first the next time, and said to be fixed, or to
// apply no longer.
func TestSaved(t *testing.T) {
	dir := t.TempDir()
	o := &esttest.Options{Dir: dir, Seed: 1}
	named := counter
	named.Leave = func(core.Conn, string, counted) core.Outcome[string, counted] {
		return core.Outcome[string, counted]{} // forgets to take itself out
	}
	check := func(in core.Integration[string, counted], m esttest.Model[string, counted]) *recorder {
		return record("TestRoom/sub", func(t testing.TB) { esttest.Check(t, in, m, o) })
	}

	found := check(named, counterModel)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.est"))
	if err != nil || len(files) != 1 {
		t.Fatalf("saved are %v (%v); want one file", files, err)
	}
	for _, want := range []string{"dead-reference: the state of", "found in run 1 (plain, seed 1)",
		"replay: go test -run '^TestRoom$/^sub$' -esttest.replay=" + files[0]} {
		if !strings.Contains(found.String(), want) || !found.failed {
			t.Errorf("a failure says\n%v\nwhich has no %q", found, want)
		}
	}

	again := check(named, counterModel)
	if want := "the failure saved in " + files[0] + " still fails"; !again.failed || !strings.Contains(again.String(), want) {
		t.Errorf("the second time it says\n%v\nwhich has no %q", again, want)
	}
	fixed := check(counter, counterModel)
	if want := "the failure saved in " + files[0] + " is fixed"; fixed.failed || !strings.Contains(fixed.String(), want) {
		t.Errorf("without the bug it says\n%v\nwhich has no %q", fixed, want)
	}
	if want := "nothing found in"; !strings.Contains(fixed.String(), want) {
		t.Errorf("without the bug it says\n%v\nwhich has no %q", fixed, want)
	}

	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], append(text, "send c3 1\n"...), 0o666); err != nil {
		t.Fatal(err)
	}
	stale := check(counter, counterModel)
	if want := `no longer applies`; !stale.failed || !strings.Contains(stale.String(), want) || !strings.Contains(stale.String(), `"send c3 1"`) {
		t.Errorf("with a step that isn't possible it says\n%v\nwhich has no %q", stale, want)
	}
}

// What is wrong with what the user passed is said, and all of it.
func TestModelErrors(t *testing.T) {
	tests := []struct {
		name string
		in   func(*core.Integration[string, counted])
		m    func(*esttest.Model[string, counted])
		o    esttest.Options
		want []string
	}{
		{"no integration", func(in *core.Integration[string, counted]) { in.Join, in.Name = nil, "" }, nil, esttest.Options{}, []string{"Join", "Name"}},
		{"no generator", nil, func(m *esttest.Model[string, counted]) { m.Client = nil }, esttest.Options{}, []string{"Model.Client is nil"}},
		{"no situation", nil, func(m *esttest.Model[string, counted]) {
			m.Sometimes = map[string]func(*esttest.World[string, counted]) bool{"full": nil}
		}, esttest.Options{}, []string{`Sometimes["full"] is nil`}},
		{"options", nil, nil, esttest.Options{Instances: -1, Runs: -1, Disable: []string{"purty"}}, []string{"Instances is negative", "Runs is negative", `"purty"`}},
		{"a property panics", nil, func(m *esttest.Model[string, counted]) {
			m.Always = func(*esttest.World[string, counted]) error { panic("oops") }
		}, esttest.Options{}, []string{"the model is wrong: Always panicked: oops", "check_test.go"}},
		{"a situation panics", nil, func(m *esttest.Model[string, counted]) {
			m.Sometimes = map[string]func(*esttest.World[string, counted]) bool{"full": func(*esttest.World[string, counted]) bool { panic("oops") }}
		}, esttest.Options{}, []string{`the model is wrong: Sometimes["full"] panicked: oops`}},
		{"the generator panics", nil, func(m *esttest.Model[string, counted]) {
			m.Client = func(esttest.ClientView) *rapid.Generator[any] { panic("oops") }
		}, esttest.Options{}, []string{"the model is wrong: Client panicked: oops"}},
		{"not JSON", nil, func(m *esttest.Model[string, counted]) {
			m.Client = func(esttest.ClientView) *rapid.Generator[any] { return rapid.Just[any](func() {}) }
		}, esttest.Options{}, []string{"the model is wrong: Client generated a func() that JSON can't encode"}},
		{"the outside panics", nil, func(m *esttest.Model[string, counted]) {
			m.Outside = func(*esttest.World[string, counted]) *rapid.Generator[esttest.Outside] { panic("oops") }
		}, esttest.Options{}, []string{"the model is wrong: Outside panicked: oops"}},
		{"another type", nil, func(m *esttest.Model[string, counted]) {
			m.Outside = func(*esttest.World[string, counted]) *rapid.Generator[esttest.Outside] {
				return rapid.Just(esttest.OutsideUpdate("a", func(int) (core.Change[int], []core.Publication) { return core.Put(1), nil }))
			}
		}, esttest.Options{}, []string{"OutsideUpdate has a func(int)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, m := counter, counterModel
			if tt.in != nil {
				tt.in(&in)
			}
			if tt.m != nil {
				tt.m(&m)
			}
			tt.o.Dir = t.TempDir()
			got := record("TestX", func(t testing.TB) { esttest.Check(t, in, m, &tt.o) })
			for _, want := range tt.want {
				if !got.failed || !strings.Contains(got.String(), want) {
					t.Errorf("it says\n%v\nwhich has no %q", got, want)
				}
			}
		})
	}
}

// The same seed finds the same.
func TestSeed(t *testing.T) {
	in := counter
	in.Leave = func(_ core.Conn, _ string, r counted) core.Outcome[string, counted] {
		if len(r.Here) > 1 {
			return core.Outcome[string, counted]{Room: core.Put(counted{r.N, r.Here[1:]})} // whoever came last
		}
		return core.Outcome[string, counted]{Room: core.Delete[counted]()}
	}
	first := esttest.Explore(in, counterModel, &esttest.Options{Seed: 7, Runs: 100})
	second := esttest.Explore(in, counterModel, &esttest.Options{Seed: 7, Runs: 100})
	if first.Failure == nil || first.Failure.History != second.Failure.History {
		t.Fatalf("with one seed there are two failures:\n%+v\n%+v", first.Failure, second.Failure)
	}
}
