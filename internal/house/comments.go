package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

func checkPackageComments(t *Tree) []string {
	first := map[string]*source{} // of each package without a comment so far
	told := map[string]bool{}
	for _, s := range t.sources {
		pkg := s.dir + " " + s.syntax.Name.Name
		switch {
		case s.test || told[pkg]:
		case says(s.syntax.Doc):
			told[pkg] = true
			delete(first, pkg)
		case first[pkg] == nil:
			first[pkg] = s
		}
	}
	var violations []string
	for _, pkg := range slices.Sorted(maps.Keys(first)) {
		s := first[pkg]
		violations = append(violations, fmt.Sprintf("%s: package %s has no comment. Say above a package clause what it is, best in a doc.go", t.at(s.syntax), s.syntax.Name.Name))
	}
	return violations
}

// checkComments wants a comment at every exported constant, variable, function,
// type and method, at the methods of exported interfaces, and at the fields of
// Options, which state their defaults. One comment is enough for a group of
// constants or variables, and for fields that it names.
func checkComments(t *Tree) (violations []string) {
	complain := func(id *ast.Ident, should string) {
		violations = append(violations, fmt.Sprintf("%s: %s has no comment. Say %s", t.at(id), id.Name, should))
	}
	const user = "what its user must know: units, defaults, errors, ownership, concurrency"
	for _, s := range t.libs() {
		for _, d := range exported(s.syntax) {
			switch {
			case d.method && slices.Contains(standard, d.name.Name):
			case d.option && !d.documented:
				complain(d.name, "what it does and what its default is")
			case !d.field && !d.documented:
				complain(d.name, user)
			}
		}
	}
	return violations
}

// standard has methods of which the standard library says what they are.
var standard = []string{"Error", "Unwrap", "String"}

// checkWords keeps the one word out that Go readers take for something else.
func checkWords(t *Tree) (violations []string) {
	for _, s := range t.libs() {
		for _, d := range exported(s.syntax) {
			if strings.Contains(strings.ToLower(d.name.Name), "channel") {
				violations = append(violations, fmt.Sprintf("%s: %s is exported and Go readers will think of chan. Call it a connection, or what else it is", t.at(d.name), d.name.Name))
			}
		}
	}
	return violations
}

// declared is an exported name.
type declared struct {
	name       *ast.Ident
	documented bool
	method     bool
	field      bool // of a struct
	option     bool // a field of a struct called Options
}

// exported has the exported names of a file, those of fields and methods too.
func exported(file *ast.File) (names []declared) {
	add := func(d declared) {
		if d.name.IsExported() {
			names = append(names, d)
		}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil || ast.IsExported(receiver(decl)) {
				add(declared{name: decl.Name, documented: says(decl.Doc), method: decl.Recv != nil})
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						add(declared{name: name, documented: says(decl.Doc, spec.Doc, spec.Comment)})
					}
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						add(declared{name: spec.Name, documented: says(spec.Doc) || decl.Lparen == token.NoPos && says(decl.Doc)})
						names = append(names, members(spec)...)
					}
				}
			}
		}
	}
	return names
}

// members has the exported fields of a struct and the methods of an interface.
func members(spec *ast.TypeSpec) (names []declared) {
	var list *ast.FieldList
	field := false
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		list, field = typ.Fields, true
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return nil
	}
	var told strings.Builder
	for _, f := range list.List {
		told.WriteString(f.Doc.Text())
	}
	for _, f := range list.List {
		for _, name := range f.Names { // none if embedded
			if name.IsExported() {
				documented := says(f.Doc, f.Comment) || field && strings.Contains(told.String(), name.Name+" ")
				names = append(names, declared{name: name, documented: documented, method: !field, field: field, option: field && spec.Name.Name == "Options"})
			}
		}
	}
	return names
}

// receiver is the name of a method's receiver type.
func receiver(f *ast.FuncDecl) string {
	expr := f.Recv.List[0].Type
	for {
		switch x := expr.(type) {
		case *ast.StarExpr:
			expr = x.X
		case *ast.ParenExpr:
			expr = x.X
		case *ast.IndexExpr:
			expr = x.X
		case *ast.IndexListExpr:
			expr = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// says tells whether one of the comments has words, not directives only.
func says(comments ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil && strings.TrimSpace(c.Text()) != "" })
}
