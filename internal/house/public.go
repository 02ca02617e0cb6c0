package house

import (
	"fmt"
	"go/ast"
	"slices"
)

// shown has what of third parties our public surface may show. Name "" is all of
// the package.
var shown = []struct{ folder, name, module, why string }{
	{"redis", "New", goredis, "the application hands in its own client"},
	{"esttest", "", rapid, "a model is made of generators"},
}

// checkThirdParty looks for third parties' names in what the users of a package
// see: signatures, fields, and what these reach by way of unexported types. A
// type that a variable has only from the function of ours that made it escapes:
// parsing alone doesn't tell it.
func checkThirdParty(t *Tree) (violations []string) {
	packages := map[string]*surface{}
	var folders []string
	for _, s := range t.libs() {
		if s.nested {
			continue
		}
		if packages[s.dir] == nil {
			packages[s.dir] = &surface{hidden: map[string][]part{}}
			folders = append(folders, s.dir)
		}
		packages[s.dir].add(s)
	}
	for _, folder := range folders {
		for _, p := range packages[folder].seen {
			packages[folder].walk(p, map[string]bool{}, func(in *source, sel *ast.SelectorExpr) {
				path := in.imported(sel.X)
				if isThirdParty(path) && !mayShow(folder, p.name, path) {
					violations = append(violations, fmt.Sprintf("%s: %s of %s shows %s of %s. Show a type of ours or of the standard library, or nothing",
						t.at(sel), p.name, folder, sel.Sel.Name, path))
				}
			})
		}
	}
	return violations
}

func mayShow(folder, name, path string) bool {
	for _, s := range shown {
		if s.folder == folder && (s.name == "" || s.name == name) && within(path, s.module+"/...") {
			return true
		}
	}
	return false
}

// surface is a package as its users see it.
type surface struct {
	seen   []part            // what its exported names are declared by
	hidden map[string][]part // by unexported type: its declaration, its exported methods
}

// part is a type expression of a declaration.
type part struct {
	name string // what it declares
	in   *source
	expr ast.Node
}

func (p *surface) add(s *source) {
	put := func(owner, name *ast.Ident, expr ast.Node) {
		if owner.IsExported() {
			p.seen = append(p.seen, part{name.Name, s, expr})
		} else {
			p.hidden[owner.Name] = append(p.hidden[owner.Name], part{name.Name, s, expr})
		}
	}
	for _, decl := range s.syntax.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if !decl.Name.IsExported() {
				continue
			}
			owner := decl.Name
			if decl.Recv != nil {
				owner = ast.NewIdent(receiver(decl))
			}
			put(owner, decl.Name, decl.Type)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					put(spec.Name, spec.Name, spec.Type)
					if spec.TypeParams != nil {
						put(spec.Name, spec.Name, spec.TypeParams)
					}
				case *ast.ValueSpec:
					for i, name := range spec.Names {
						if spec.Type != nil {
							put(name, name, spec.Type)
						} else if n := len(spec.Values); n > 0 {
							put(name, name, made(spec.Values[min(i, n-1)]))
						}
					}
				}
			}
		}
	}
}

// made is what gives a value its type: the function called, the literal's type.
func made(value ast.Expr) ast.Expr {
	switch v := value.(type) {
	case *ast.UnaryExpr:
		return made(v.X)
	case *ast.CallExpr:
		return v.Fun
	case *ast.CompositeLit:
		return v.Type
	case *ast.FuncLit:
		return v.Type
	}
	return value
}

// walk calls visit for each qualified name that users see in or through p. been
// has the unexported types that were followed already.
func (p *surface) walk(at part, been map[string]bool, visit func(*source, *ast.SelectorExpr)) {
	into := func(expr ast.Node) { p.walk(part{at.name, at.in, expr}, been, visit) }
	members := func(list *ast.FieldList) {
		for _, f := range list.List {
			if len(f.Names) == 0 || slices.ContainsFunc(f.Names, (*ast.Ident).IsExported) {
				into(f.Type)
			}
		}
	}
	ast.Inspect(at.expr, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructType:
			members(n.Fields)
		case *ast.InterfaceType:
			members(n.Methods)
		case *ast.Field: // of parameters: their names are no types
			into(n.Type)
		case *ast.SelectorExpr:
			visit(at.in, n)
		case *ast.Ident:
			if !been[n.Name] {
				been[n.Name] = true
				for _, h := range p.hidden[n.Name] {
					p.walk(h, been, visit)
				}
			}
			return true
		default:
			return true
		}
		return false
	})
}
