package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// module is the main module's path.
const module = "github.com/spinneyio/est"

// Tree is a checkout, read once.
type Tree struct {
	Text    map[string][]byte // text files by path, from the root with slashes
	fset    *token.FileSet
	sources []*source // the Go files among them, in lexical order
	broken  []string  // what could not be read or parsed
}

// source is a Go file.
type source struct {
	dir    string // "." for the root
	name   string // path and all
	test   bool
	nested bool // in a module of its own
	syntax *ast.File
}

// Read reads the tree. It leaves out hidden folders but .ci and .github, what npm
// installs and what a build leaves in bin; of testdata it reads the text only.
func Read(fsys fs.FS) *Tree {
	t := &Tree{Text: map[string][]byte{}, fset: token.NewFileSet()}
	var modules []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (isHidden(name) || d.Name() == "node_modules" || name == "bin"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if bytes.IndexByte(content, 0) >= 0 {
			return nil // not text
		}
		t.Text[name] = content
		if d.Name() == "go.mod" && name != "go.mod" {
			modules = append(modules, path.Dir(name))
		}
		if path.Ext(name) == ".go" && !slices.Contains(strings.Split(name, "/"), "testdata") {
			t.parse(name, content)
		}
		return nil
	})
	if err != nil {
		t.broken = append(t.broken, fmt.Sprintf("the tree can't be read: %v", err))
	}
	for _, s := range t.sources {
		s.nested = slices.ContainsFunc(modules, func(m string) bool { return within(s.dir, m+"/...") })
	}
	return t
}

func isHidden(name string) bool {
	base := path.Base(name)
	return name != "." && base[0] == '.' && base != ".ci" && base != ".github"
}

func (t *Tree) parse(name string, content []byte) {
	syntax, err := parser.ParseFile(t.fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.broken = append(t.broken, fmt.Sprintf("%v. Mend it: nothing else in this file was looked at", err))
		return
	}
	t.sources = append(t.sources, &source{dir: path.Dir(name), name: name, test: strings.HasSuffix(name, "_test.go"), syntax: syntax})
}

// main has the sources of the main module.
func (t *Tree) main() []*source {
	return slices.DeleteFunc(slices.Clone(t.sources), func(s *source) bool { return s.nested })
}

// libs has the sources that others import: neither tests nor programs.
func (t *Tree) libs() []*source {
	return slices.DeleteFunc(slices.Clone(t.sources), func(s *source) bool { return s.test || s.syntax.Name.Name == "main" })
}

// at says where n is, as file:line.
func (t *Tree) at(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// grep complains about every line that re finds, in all files but those that hold
// hashes, in which any word may turn up.
func (t *Tree) grep(re *regexp.Regexp, complaint string) (violations []string) {
	for name, content := range t.Text {
		if base := path.Base(name); base == "go.sum" || base == "package-lock.json" {
			continue
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			if re.Match(line) {
				violations = append(violations, fmt.Sprintf("%s:%d: %s", name, i+1, complaint))
			}
		}
	}
	slices.Sort(violations)
	return violations
}

// importPath is the path that imp imports.
func importPath(imp *ast.ImportSpec) string {
	p, _ := strconv.Unquote(imp.Path.Value) // it parsed, so it is a string
	return p
}

// imported is the path of the package that x names in s, "" if x is no package.
func (s *source) imported(x ast.Expr) string {
	id, ok := x.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, imp := range s.syntax.Imports {
		if imp.Name != nil && imp.Name.Name == id.Name || imp.Name == nil && packageName(importPath(imp)) == id.Name {
			return importPath(imp)
		}
	}
	return ""
}

var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// packageName is what the package at an import path calls itself, by the custom
// that all that we import keep: the last element, without a go- before it.
func packageName(p string) string {
	return strings.TrimPrefix(path.Base(majorVersion.ReplaceAllString(p, "")), "go-")
}

// isThirdParty says whether an import path is neither the standard library's nor
// ours.
func isThirdParty(p string) bool {
	host, _, _ := strings.Cut(p, "/")
	return strings.Contains(host, ".") && !within(p, module+"/...")
}
