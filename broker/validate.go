package broker

import (
	"fmt"
	"slices"
)

// Validate returns an error that wraps [ErrInvalid] and says what to do, if c
// breaks the rules of its form: nothing that a store holds could make it valid.
// [Apply] calls it; a store that doesn't use Apply calls it before anything else.
func (c Commit) Validate() error {
	if c.ID.Writer == "" {
		return invalid("it has no writer: draw one at random, and keep it for the life of the process")
	}
	if c.ID.N == 0 {
		return invalid("its number is 0: a writer counts from 1")
	}
	if err := c.Value.validate(); err != nil {
		return err
	}
	for _, m := range c.Members {
		switch m.Op {
		case Add, Replace:
		case Require, Remove:
			if m.Data != nil {
				return invalid("member %q has data, but Require and Remove take none: use Add or Replace, or leave it out", m.ID)
			}
		default:
			return invalid("member %q has the unknown operation %d: use Require, Add, Replace or Remove", m.ID, m.Op)
		}
	}
	if id, ok := twice(c.Members); ok {
		return invalid("member %q is in it twice: make one change of the two", id)
	}
	return nil
}

func (c Change) validate() error {
	switch c.Op {
	case Put:
	case Keep, Delete:
		if c.Value != nil {
			return invalid("it has a value, but Keep and Delete take none: use Put, or leave it out")
		}
	default:
		return invalid("the value has the unknown operation %d: use Keep, Put or Delete", c.Op)
	}
	return nil
}

// twice returns an ID that more than one change has.
func twice(changes []MemberChange) (id string, ok bool) {
	if len(changes) < 2 {
		return "", false
	}
	ids := make([]string, 0, 8) // enough for the usual case, which allocates nothing
	for _, m := range changes {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	for i, id := range ids[1:] {
		if id == ids[i] {
			return id, true
		}
	}
	return "", false
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
