package house

var arrowsCases = []example{
	{"arrows", "core knows nobody", `
-- core/a.go --
package core
import "strings"
import "github.com/spinneyio/est/core/instance"
import x "github.com/spinneyio/est/broker"
import "github.com/google/go-cmp/cmp"
import "golang.org/x/sync/errgroup"
`, []string{
		"core/a.go:3: core imports core/instance: ",
		"core/a.go:4: core imports broker: ",
		"core/a.go:5: core imports github.com/google/go-cmp/cmp: ",
		"core/a.go:6: core imports golang.org/x/sync/errgroup: ",
	}},
	{"arrows", "also broker, memory, and who is in no table", `
-- broker/a.go --
package broker
import "github.com/spinneyio/est/core"
-- memory/a.go --
package memory
import "github.com/spinneyio/est/redis"
import "github.com/spinneyio/est/memoryleak"
-- stray/a.go --
package stray
import "github.com/spinneyio/est"
`, []string{
		"broker/a.go:2: broker imports core: ",
		"memory/a.go:2: memory imports redis: ",
		"memory/a.go:3: memory imports memoryleak: ",
		"stray/a.go:2: stray imports .: ",
	}},
	{"arrows", "gws and go-redis stay where they are", `
-- core/instance/a.go --
package instance
import "github.com/lxzan/gws"
-- transport/gws/a.go --
package gws
import "github.com/lxzan/gwsx"
-- transport/pipe/a_test.go --
package pipe
import "github.com/lxzan/gws"
-- memory/a_test.go --
package memory
import "github.com/redis/go-redis/v9"
`, []string{
		"core/instance/a.go:2: core/instance imports github.com/lxzan/gws: ",
		"memory/a_test.go:2: memory imports github.com/redis/go-redis/v9: ",
		"transport/gws/a.go:2: transport/gws imports github.com/lxzan/gwsx: ",
		"transport/pipe/a_test.go:2: transport/pipe imports github.com/lxzan/gws: ",
	}},
	{"arrows", "a test's arrows are not its package's, nor everything's", `
-- core/a_test.go --
package core_test
import "github.com/spinneyio/est/memory"
import "github.com/spinneyio/est/core/instance"
-- esttest/a.go --
package esttest
import "github.com/spinneyio/est/memory"
`, []string{
		"core/a_test.go:3: core imports core/instance: ",
		"esttest/a.go:2: esttest imports memory: ",
	}},
	{"arrows", "all of these are drawn", `
-- core/a_test.go --
package core_test
import "github.com/spinneyio/est/core"
import "github.com/google/go-cmp/cmp/cmpopts"
import "pgregory.net/rapid"
-- redis/a.go --
package redis
import "github.com/redis/go-redis/v9"
import "github.com/spinneyio/est/broker"
-- redis/a_test.go --
package redis_test
import "github.com/spinneyio/est/redis"
-- transport/gws/a_test.go --
package gws
import "github.com/spinneyio/est/conformance"
-- examples/a/b/a.go --
package b
import "github.com/spinneyio/est/transport/gws"
-- e2e/go.mod --
module github.com/spinneyio/est/e2e
-- e2e/a/a.go --
package a
import "github.com/coder/websocket"
`, nil},
}
