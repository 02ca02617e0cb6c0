package core

import (
	"encoding/json"
	"fmt"
)

// stored is a value of T as the store has it: JSON, decoded on demand, so that
// what a function sees is always what another instance would see. The zero
// stored is absent and decodes to the zero T.
type stored[T any] struct {
	raw  []byte // nil: absent; never changed
	val  *T     // what raw decodes to, of which only copies are given away; nil: not known
	lent *T     // the copy of those who don't change it; nil: not made
}

// put makes v a stored value.
func put[T any](v T, f *form[T]) (stored[T], error) {
	raw, err := marshal(v)
	if err != nil {
		return stored[T]{}, err
	}
	return stored[T]{raw: raw, val: f.kept(&v, raw)}, nil
}

// shared is one copy for all who ask. They must not change it; those who do harm
// each other, and nobody else.
func (s *stored[T]) shared(f *form[T]) (T, error) {
	if s.lent == nil {
		v, err := s.private(f)
		if err != nil || f.plain {
			return v, err
		}
		s.lent = &v
	}
	return *s.lent, nil
}

// private is a copy that the caller may change.
func (s *stored[T]) private(f *form[T]) (T, error) {
	if s.val != nil {
		return f.clone(s.val), nil
	}
	v, err := s.decode()
	if err == nil && f.clones() {
		s.val = &v
		return f.clone(s.val), nil
	}
	return v, err
}

func (s *stored[T]) decode() (v T, err error) {
	defer recovered(&err)
	if s.raw != nil {
		if err := json.Unmarshal(s.raw, &v); err != nil {
			return v, fmt.Errorf("decode %T: %w", v, err)
		}
	}
	return v, nil
}
