package house

// What the rules look for is cut in two here, so that this file is not found.
const (
	toDo  = "TO" + "DO"
	fixMe = "FIX" + "ME"
	home  = "/ho" + "me"
)

var textCases = []example{
	{"direct requirements", "a sixth", `
-- go.mod --
module github.com/spinneyio/est

require github.com/stretchr/testify v1.9.0
require (
	github.com/lxzan/gws v1.8.9
	github.com/lxzan/gwsx v1.8.9 // why not
)
`, []string{"go.mod:3: requires github.com/stretchr/testify: ", "go.mod:6: requires github.com/lxzan/gwsx: "}},
	{"direct requirements", "the five, indirect ones, and other modules", `
-- go.mod --
module github.com/spinneyio/est

go 1.26

require pgregory.net/rapid v1.3.0

require (
	github.com/dolthub/maphash v0.1.0 // indirect
)

exclude (
	example.com/a v1.0.0
)
-- e2e/go.mod --
module github.com/spinneyio/est/e2e
require github.com/coder/websocket v1.8.14
`, nil},
	{"tests do not sleep", "by any name, in any module", `
-- memory/a_test.go --
package memory
import later "time"
func f() { later.Sleep(1) }
-- e2e/go.mod --
module github.com/spinneyio/est/e2e
-- e2e/a_test.go --
package e2e
import "time"
var wait = time.Sleep
`, []string{"e2e/a_test.go:3: ", "memory/a_test.go:3: "}},
	{"tests do not sleep", "in a bubble, in production, in a string", `
-- memory/a_test.go --
package memory
import ("testing/synctest"; "time")
func f() { time.Sleep(1) }
-- memory/b_test.go --
package memory
import "time"
const wait = time.Second
var source = "time.Sleep(1)"
func g(c clock) { c.Sleep(1) }
-- memory/a.go --
package memory
import "time"
func f() { time.Sleep(1) }
`, nil},
	{"nothing of a developer's machine", "in any text", `
-- README.md --
Run it in ` + home + `/ann/est.
-- .ci/run --
cd ` + home + `/ann
-- core/testdata/a.txt --
file://` + home + `/ann

dir=/ro` + `ot/est
-- x.ts --
"C:\\` + `Users\\ann"
`, []string{".ci/run:1: ", "README.md:1: ", "core/testdata/a.txt:1: ", "core/testdata/a.txt:3: ", "x.ts:1: "}},
	{"nothing of a developer's machine", "other paths, and files that are no text", `
-- README.md --
https://example.com` + home + `/ann, ./root/a, ${dir}/root/a, /tmp/est, ` + home + `
-- a.png --
` + "\x00" + home + `/ann/
`, nil},
	{"nothing left for later", "in any text", `
-- core/a.go --
package core
// ` + toDo + `(ann): all of it
-- notes.md --
` + fixMe + `
`, []string{"core/a.go:2: ", "notes.md:1: "}},
	{"nothing left for later", "other words, and checksums", `
-- core/a.go --
package core
var todo, AN` + toDo + `, ` + toDo + `S, ` + fixMe + `N int
-- go.sum --
example.com/a v1.0.0 h1:` + toDo + `+AAAA=
`, nil},
}
