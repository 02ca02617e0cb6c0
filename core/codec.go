package core

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// stored is a value of T as the store has it: JSON, decoded on demand, so that
// what a function sees is always what another instance would see. The zero
// stored is absent and decodes to the zero T.
type stored[T any] struct {
	raw []byte // nil: absent; never changed
	val *T     // decoded, shared by those who don't change it; nil: not yet
}

// put makes v a stored value.
func put[T any](v T) (stored[T], error) {
	raw, err := marshal(v)
	if err != nil {
		return stored[T]{}, err
	}
	return stored[T]{raw: raw}, nil
}

// shared decodes the value once. The caller must not change it.
func (s *stored[T]) shared() (T, error) {
	if s.val == nil {
		v, err := s.decode()
		if err != nil {
			return v, err
		}
		s.val = &v
	}
	return *s.val, nil
}

// private decodes a copy that the caller may change. Where a plain copy is as
// good, it decodes once only.
func (s *stored[T]) private(flat bool) (T, error) {
	if flat {
		return s.shared()
	}
	return s.decode()
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

// flat says whether a plain copy of a T shares nothing that can be changed.
func flat[T any]() bool { return flatType(reflect.TypeFor[T]()) }

func flatType(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return flatType(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if !flatType(f.Type) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	default:
		return true
	}
}
