package zoo

import (
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

// Case is an integration with a model: something that can be explored. It hides
// the types, so that cases of all species fit into one list. Several goroutines
// may use a case at once: each call makes its own integration.
type Case interface {
	// Name is unique among [References] and [Bugs].
	Name() string
	// Explore is [esttest.Explore].
	Explore(o *esttest.Options) esttest.Report
	// Check is [esttest.Check].
	Check(t testing.TB, o *esttest.Options)
}

// of is the only Case. make is called anew each time: a bug may keep variables.
type of[C, R any] struct {
	name  string
	make  func() core.Integration[C, R]
	model esttest.Model[C, R]
}

func (c of[C, R]) Name() string { return c.name }

func (c of[C, R]) Explore(o *esttest.Options) esttest.Report {
	return esttest.Explore(c.make(), c.model, o)
}

func (c of[C, R]) Check(t testing.TB, o *esttest.Options) {
	t.Helper()
	esttest.Check(t, c.make(), c.model, o)
}

// species is a correct integration and its models.
type species[C, R any] struct {
	in            core.Integration[C, R]
	plain, strict esttest.Model[C, R]
}

// references are the cases in which nothing is to be found.
func (s species[C, R]) references() []Case {
	same := func() core.Integration[C, R] { return s.in }
	return []Case{
		of[C, R]{s.in.Name, same, s.plain},
		of[C, R]{s.in.Name + " with properties", same, s.strict},
	}
}

// bug completes b: spoil puts the mistake into a copy of the integration.
func (s species[C, R]) bug(b Bug, spoil func(in *core.Integration[C, R])) Bug {
	m := s.plain
	if b.Check == "" {
		m = s.strict
	}
	b.Case = of[C, R]{s.in.Name + ": " + b.Name, func() core.Integration[C, R] {
		in := s.in
		spoil(&in)
		return in
	}, m}
	return b
}
