package house

var commentsCases = []example{
	{"packages have comments", "none, or only a directive or a licence", `
-- memory/a.go --
package memory
-- memory/a_test.go --
// Package memory is tested.
package memory
-- redis/a.go --
// Copyright The est authors

//go:build linux
package redis
`, []string{"memory/a.go:1: package memory ", "redis/a.go:4: package redis "}},
	{"packages have comments", "one in any file, none for tests", `
-- memory/a.go --
package memory
-- memory/doc.go --
// Package memory is a broker.
package memory
-- a_test.go --
package est_test
`, nil},
	{"exported names have comments", "each kind", `
-- memory/a.go --
package memory
type T struct{ A int }
func F() {}
func (t *T) M() {}
func (p Pair[A, B]) N() {}
var V, w = 1, 2
//go:generate true
const C = 1
// Both are numbers.
type (
	// U is told.
	U int
	X int
)
// I is told.
type I interface { Do() }
// Options are told.
type Options struct {
	A int // told
	B, C int
}
`, []string{
		"memory/a.go:2: T ", "memory/a.go:3: F ", "memory/a.go:4: M ", "memory/a.go:5: N ", "memory/a.go:6: V ", "memory/a.go:8: C ",
		"memory/a.go:13: X ", "memory/a.go:16: Do ", "memory/a.go:20: B ", "memory/a.go:20: C ",
	}},
	{"exported names have comments", "told, unexported, a test's or a program's", `
-- memory/a.go --
package memory
// Some values.
const (
	A = iota
	B
)
var (
	V = 1 // V is told.
)
// T is told.
type T struct{ A int; Options struct{ B int } }
func (t T) Error() string { return "" }
// Options are told.
type Options struct {
	// A and B are limits.
	A, C int // C too
	B int
}
type hidden struct{ A int }
func (h hidden) M() {}
func f() {}
-- memory/a_test.go --
package memory
func F() {}
-- examples/a/main.go --
package main
func F() {}
`, nil},
	{"exported names use the house's words", "in types, fields, methods and values", `
-- core/a.go --
package core
type Channel struct { ChannelID int; kind channel }
func (s *Session) OpenChannel() {}
var ErrChannels error
`, []string{"core/a.go:2: Channel ", "core/a.go:2: ChannelID ", "core/a.go:3: OpenChannel ", "core/a.go:4: ErrChannels "}},
	{"exported names use the house's words", "unexported, and connections", `
-- core/a.go --
package core
type channel struct { Channel int }
type Connection struct { channel channel }
func (c *channel) Channel() {}
`, nil},
}
