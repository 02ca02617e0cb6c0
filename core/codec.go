package core

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// stored is a value of T as the store has it: JSON, so that what a function sees is
// always what another instance would see. What came from the store is decoded on demand,
// what was put here is encoded on demand, where the form of T tells that nothing is lost
// by that. The zero stored is absent and decodes to the zero T.
type stored[T any] struct {
	raw  []byte // never changed; nil: absent, or to be made of val
	val  *T     // what the JSON decodes to, of which only copies are given away; nil: not known
	lent *T     // the copy of those who don't change it; nil: not made
}

// put makes v a stored value.
func put[T any](v T, f *form[T]) (stored[T], error) {
	if f.take != nil && f.take(reflect.ValueOf(&v).Elem()) {
		return stored[T]{val: &v}, nil
	}
	raw, err := marshal(v)
	return stored[T]{raw: raw}, err
}

func (s *stored[T]) absent() bool { return s.raw == nil && s.val == nil }

// json is the value as the store gets it; nil where it is absent.
func (s *stored[T]) json() []byte {
	if s.raw != nil || s.val == nil {
		return s.raw
	}
	raw, err := json.Marshal(s.val)
	if err != nil {
		panic(fmt.Sprintf("core: encode %T: %v", s.val, err)) // it was made sure of: can't be
	}
	return raw
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
	if s.val == nil && s.raw != nil {
		v, err := s.decode()
		if err != nil || !f.clones() {
			return v, err
		}
		s.val = &v
	}
	if s.val == nil {
		var zero T
		return zero, nil
	}
	return f.clone(s.val), nil
}

func (s *stored[T]) decode() (v T, err error) {
	defer recovered(&err)
	if err := json.Unmarshal(s.raw, &v); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}
