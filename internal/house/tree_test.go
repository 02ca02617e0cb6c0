package house

var treeCases = []example{
	{"sources parse", "one does not", `
-- core/a.go --
package core
func {
`, []string{"core/a.go:2:6: expected"}},
	{"sources parse", "all do, and what is no source of ours isn't read", `
-- core/a.go --
package core
-- core/testdata/a.go --
no source
-- e2e/node_modules/x/a.go --
no source
-- .cache/a.go --
no source
`, nil},
}
