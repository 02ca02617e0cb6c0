package house

var publicCases = []example{
	{"no third party in public", "signatures, fields, values, and what hides nothing", `
-- transport/gws/a.go --
package gws
import "github.com/lxzan/gws"
func Handler(o *gws.ServerOption) {}
func (c *Conn) Socket() map[string]*gws.Conn { return nil }
type Conn struct { *gws.Conn }
type Any[T gws.Event] interface { On(*gws.Message) }
var Default, Plain = &gws.ServerOption{}, 1
func Dial() *dialer { return nil }
type Alias = alias
-- transport/gws/b.go --
package gws
import ws "github.com/lxzan/gws"
type alias = ws.Conn
type dialer struct { base }
type base struct{}
func (b base) Socket() *ws.Conn { return nil }
`, []string{
		"transport/gws/a.go:3: Handler of transport/gws shows ServerOption of github.com/lxzan/gws",
		"transport/gws/a.go:4: Socket ", "transport/gws/a.go:5: Conn ", "transport/gws/a.go:6: Any ", "transport/gws/a.go:6: Any ",
		"transport/gws/a.go:7: Default ", "transport/gws/b.go:6: Dial ", "transport/gws/b.go:3: Alias ",
	}},
	{"no third party in public", "where it is not the purpose", `
-- redis/a.go --
package redis
import "github.com/redis/go-redis/v9"
func New(c redis.UniversalClient) *Broker { return nil }
func Wrap(c redis.UniversalClient) *Broker { return nil }
-- esttest/a.go --
package esttest
import "github.com/google/go-cmp/cmp"
import "pgregory.net/rapid"
type Model struct { Client func() *rapid.Generator[any]; Compare cmp.Options }
-- memory/a.go --
package memory
import "github.com/redis/go-redis/v9"
func New(c redis.UniversalClient) *Broker { return nil }
`, []string{
		"esttest/a.go:4: Model of esttest shows Options of github.com/google/go-cmp/cmp",
		"memory/a.go:3: New of memory ",
		"redis/a.go:4: Wrap of redis shows UniversalClient of github.com/redis/go-redis/v9",
	}},
	{"no third party in public", "hidden, or inside functions", `
-- transport/gws/a.go --
package gws
import "github.com/lxzan/gws"
import "net/http"
func Handler(conn string) http.Handler { var u gws.Upgrader; return serve(u) }
type Conn struct { socket *gws.Conn; Name string }
type conn struct{}
func (c conn) OnOpen(socket *gws.Conn) {}
func (c *Conn) run(socket *gws.Conn) {}
var state = gws.NewState()
var Made, Named, Func, Typed = wrap(&gws.Config{}), &Conn{socket: gws.New()}, func() { gws.New() }, 1
var Serve http.Handler = gws.New()
type list struct { Next *list }
var One, Two = two()
func List() list { return list{} }
-- transport/gws/a_test.go --
package gws
func Dial() *gws.Conn { return nil }
-- e2e/go.mod --
module github.com/spinneyio/est/e2e
-- e2e/a.go --
package e2e
import "github.com/coder/websocket"
func Dial() *websocket.Conn { return nil }
`, nil},
}
