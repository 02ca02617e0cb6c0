package esttest

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// saved is a failure as a file has it: to be run again, read, changed by hand and
// kept with the code. A file is lines: first "est 1", then the header's "key: value"
// in any order, then one step a line. Empty lines, spaces around a line, and lines
// that begin with # mean nothing.
type saved struct {
	check string // which failed
	test  string // in which test
	says  string // what was wrong
	steps []step

	instances, clients int    // how many the run had
	faults             string // that were allowed, in the caller's words
	golang             string // version of Go that found it; save fills it in
}

const savedVersion = "est 1"

type headerLine struct {
	key   string
	field func(f *saved) any // *string or *int
}

// header is the keys of a file, in its order.
var header = []headerLine{
	{"check", func(f *saved) any { return &f.check }},
	{"test", func(f *saved) any { return &f.test }},
	{"says", func(f *saved) any { return &f.says }},
	{"instances", func(f *saved) any { return &f.instances }},
	{"clients", func(f *saved) any { return &f.clients }},
	{"faults", func(f *saved) any { return &f.faults }},
	{"go", func(f *saved) any { return &f.golang }},
}

// String is the file.
func (f saved) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, savedVersion)
	for _, h := range header {
		switch v := h.field(&f).(type) {
		case *string:
			fmt.Fprintln(&b, strings.TrimRight(h.key+": "+written(*v), " "))
		case *int:
			fmt.Fprintf(&b, "%s: %d\n", h.key, *v)
		}
	}
	fmt.Fprintln(&b)
	b.WriteString(f.script())
	return b.String()
}

// script is the steps, one a line.
func (f saved) script() string {
	var b strings.Builder
	for _, s := range f.steps {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

// save keeps a failure in <dir>/<test>/<check>-<hash>.est. The hash is that of the
// steps and the check: what is there already is left as it is, with all comments.
// If the file of that name has been changed to be another failure, the hash gets
// longer.
func save(dir string, f saved) (path string, err error) {
	if f.test == "" || f.check == "" {
		return "", errors.New("esttest: a failure to be saved needs the names of its test and its check")
	}
	f.golang = runtime.Version()
	dir = filepath.Join(dir, fileName(f.test))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("esttest: saving a failure: %w", err)
	}
	hash := hashOf(f.check, f.script())
	for n := 8; n <= len(hash); n *= 2 {
		path = filepath.Join(dir, fileName(f.check)+"-"+hash[:n]+".est")
		there, err := readSaved(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, create(path, f.String())
		case err == nil && there.check == f.check && slices.Equal(there.steps, f.steps):
			return path, nil
		}
	}
	return "", fmt.Errorf("esttest: saving a failure: %s and the shorter ones of the name hold others. Rename or delete them", path)
}

// create writes a file that nobody ever sees half of.
func create(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".est-*")
	if err != nil {
		return fmt.Errorf("esttest: saving a failure: %w", err)
	}
	_, err = tmp.WriteString(text)
	if err = cmp.Or(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(tmp.Name()))
		return fmt.Errorf("esttest: saving a failure: %w", err)
	}
	return nil
}

// savedIn has the paths of the failures that were saved of a test, sorted; none if
// there is no such folder.
func savedIn(dir, test string) (paths []string, err error) {
	dir = filepath.Join(dir, fileName(test))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("esttest: looking for saved failures: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".est" && !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// fileName is a name that can be a file's everywhere. Where that took a change it
// ends with a hash of the name, so that different names stay different.
func fileName(name string) string {
	const most = 80
	safe := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	if safe == name && len(name) <= most {
		return name
	}
	return safe[:min(len(safe), most)] + "-" + hashOf(name)[:8]
}

// hashOf is a hash in hexadecimal digits, of parts that hold no line of their own.
func hashOf(parts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\n"))))
}

// readSaved reads a file. An error says where and what is wrong, and what to do;
// it is fs.ErrNotExist where there is none.
func readSaved(path string) (f saved, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return saved{}, fmt.Errorf("esttest: reading a saved failure: %w", err)
	}
	begun := false
	given := map[string]bool{}
	number := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !begun {
			begun, err = true, begins(line)
		} else {
			err = f.read(line, given)
		}
		if err != nil {
			return saved{}, fmt.Errorf("esttest: %s:%d: %w", path, number, err)
		}
	}
	if !begun {
		return saved{}, fmt.Errorf("esttest: %s:1: the file is empty: delete it", path)
	}
	for _, key := range []string{"check", "instances", "clients"} {
		if !given[key] {
			return saved{}, fmt.Errorf("esttest: %s:%d: the header has no %q: add the line, or delete the file and have the failure found again", path, number, key+": …")
		}
	}
	return f, nil
}

// begins wants the first line of a file.
func begins(line string) error {
	word, version := cutWord(line)
	switch {
	case word+" "+version == savedVersion:
		return nil
	case word == "est" && version != "":
		return fmt.Errorf("this is %q, and this version of esttest reads %q: use the version that wrote it, or delete the file and have the failure found again", line, savedVersion)
	}
	return fmt.Errorf("a saved failure begins with the line %q, and not with %q: put it there, or delete the file", savedVersion, line)
}

// read takes in a line after that.
func (f *saved) read(line string, given map[string]bool) error {
	// A step has a space before any colon.
	if key, value, is := strings.Cut(line, ":"); is && !strings.ContainsAny(key, " \t") {
		return f.readHeader(key, strings.TrimSpace(value), given)
	}
	s, err := parseStep(line)
	switch {
	case err != nil:
		return fmt.Errorf("%w: mend the line, or put a # before it", err)
	case given["clients"] && s.conn.client > f.clients:
		return fmt.Errorf("step %q: there is no client %d: mend the line, or \"clients: %d\" in the header", line, s.conn.client, f.clients)
	case given["instances"] && s.inst > f.instances:
		return fmt.Errorf("step %q: there is no instance %d: mend the line, or \"instances: %d\" in the header", line, s.inst, f.instances)
	}
	f.steps = append(f.steps, s)
	return nil
}

func (f *saved) readHeader(key, value string, given map[string]bool) (err error) {
	i := slices.IndexFunc(header, func(h headerLine) bool { return h.key == key })
	switch {
	case i < 0:
		return fmt.Errorf("%q is no key of the header: mend the line, or put a # before it", key)
	case given[key]:
		return fmt.Errorf("%q is there twice: delete one", key)
	case len(f.steps) > 0:
		return fmt.Errorf("%q stands among the steps: move it to the header", key)
	}
	given[key] = true
	switch v := header[i].field(f).(type) {
	case *string:
		if *v, err = readText(value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	case *int:
		if *v, err = strconv.Atoi(value); err != nil || *v < 1 {
			return fmt.Errorf("%s: %q is not a number from 1: mend the line", key, value)
		}
	}
	return nil
}
