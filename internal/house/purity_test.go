package house

var purityCases = []example{
	{"core is pure", "it imports no world", `
-- core/a.go --
package core
import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	. "sort"
)
`, []string{
		"core/a.go:3: core imports context: ",
		"core/a.go:4: core imports crypto/rand: ",
		"core/a.go:5: core imports hash/maphash: ",
		"core/a.go:6: core imports log/slog: ",
		"core/a.go:7: core imports math/rand/v2: ",
		"core/a.go:8: core imports net/url: ",
		"core/a.go:9: core imports os: ",
		"core/a.go:10: core imports sync: ",
		"core/a.go:11: core imports sort with a dot: ",
	}},
	{"core is pure", "it starts nothing and asks no clock", `
-- core/a.go --
package core
import clock "time"
func f(c chan int) {
	go f(nil)
	now := clock.Now
	_ = clock.Since(now())
	_ = clock.Until
	clock.Sleep(1)
	clock.After(1)
	clock.AfterFunc(1, nil)
	clock.Tick(1)
	clock.NewTimer(1)
	clock.NewTicker(1)
}
`, []string{
		"core/a.go:3: core has a Go channel: ",
		"core/a.go:4: core starts a goroutine: ",
		"core/a.go:5: core uses time.Now: ",
		"core/a.go:6: core uses time.Since: ",
		"core/a.go:7: core uses time.Until: ",
		"core/a.go:8: core uses time.Sleep: ",
		"core/a.go:9: core uses time.After: ",
		"core/a.go:10: core uses time.AfterFunc: ",
		"core/a.go:11: core uses time.Tick: ",
		"core/a.go:12: core uses time.NewTimer: ",
		"core/a.go:13: core uses time.NewTicker: ",
	}},
	{"core is pure", "its tests, its driver and values of time", `
-- core/a.go --
package core
import "time"
import "logic"
const patience = 10 * time.Second
func f(at time.Time) bool { return at.After(time.Unix(0, 0)) }
-- core/a_test.go --
package core
import "os"
-- core/instance/a.go --
package instance
import "sync"
func f() { go f() }
`, nil},
}
