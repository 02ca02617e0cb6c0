package core

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// form is what is known of T as a type of stored values. What a function of the
// application sees is what the JSON of a value decodes to, and each time another copy.
// Where the type itself says that copying comes to the same, nothing is decoded that
// was put here: decoding is the dearest part of a transition.
type form[T any] struct {
	plain bool   // a plain copy shares nothing that can be changed
	copy  copier // nil: only JSON can tell what comes back
}

func formOf[T any]() form[T] {
	t := reflect.TypeFor[T]()
	return form[T]{plain: flat(t), copy: copierOf(t, nil)}
}

// clones says whether clone is as good as decoding again.
func (f *form[T]) clones() bool { return f.plain || f.copy != nil }

func (f *form[T]) clone(v *T) T {
	if f.plain {
		return *v
	}
	return *f.deep(v)
}

func (f *form[T]) deep(v *T) *T {
	c := new(T)
	f.copy(reflect.ValueOf(c).Elem(), reflect.ValueOf(v).Elem())
	return c
}

// kept is what raw, the JSON of v, decodes to; nil where only decoding can tell. The
// application may have kept what v refers to.
func (f *form[T]) kept(v *T, raw []byte) *T {
	switch {
	case f.copy == nil, bytes.Contains(raw, []byte(`\ufffd`)), bytes.Contains(raw, []byte("\ufffd")):
		return nil // text that is not UTF-8 becomes U+FFFD: v1 escapes it, v2 does not
	case f.plain:
		return v
	}
	return f.deep(v)
}

// flat says whether a plain copy of a t shares nothing that can be changed.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if !flat(f.Type) {
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

// copier copies src to dst, which is zero, as if by way of JSON.
type copier func(dst, src reflect.Value)

// copierOf is the copier of t, which is a part of the types in within; nil where
// copying is not the same as encoding and decoding, or nobody has made sure.
func copierOf(t reflect.Type, within []reflect.Type) copier {
	if decides(t) || slices.Contains(within, t) {
		return nil
	}
	within = append(within[:len(within):len(within)], t)
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return reflect.Value.Set
	case reflect.Struct:
		return structCopier(t, within)
	case reflect.Map:
		return mapCopier(t, copierOf(t.Key(), within), copierOf(t.Elem(), within))
	case reflect.Array, reflect.Slice:
		return listCopier(t, copierOf(t.Elem(), within))
	case reflect.Pointer:
		return pointerCopier(t, copierOf(t.Elem(), within))
	}
	return nil
}

// ownJSON has the interfaces of types that decide themselves what JSON they are.
var ownJSON = []reflect.Type{
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
	reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[encoding.TextAppender](),
}

// decides says whether values of t are no JSON of their kind. The two that are asked
// for by name are encoding/json/v2's, which may be the engine of encoding/json.
func decides(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	_, to := p.MethodByName("MarshalJSONTo")
	_, from := p.MethodByName("UnmarshalJSONFrom")
	return to || from || t == reflect.TypeFor[json.Number]() || // "" is 0
		slices.ContainsFunc(ownJSON, p.Implements)
}

// structCopier is for structs whose fields are all in their JSON, each under a name
// of its own.
func structCopier(t reflect.Type, within []reflect.Type) copier {
	type field struct {
		index int
		omits bool // is left out when it is empty, and so comes back as nil
		copy  copier
	}
	var deep []field // those that take more than a plain copy
	names := map[string]bool{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		name = strings.ToLower(name) // decoding may fold it
		copy := copierOf(f.Type, within)
		if copy == nil || !f.IsExported() || f.Anonymous || names[name] || !simple(name) || options != "" && options != "omitempty" {
			return nil
		}
		names[name] = true
		omits := false
		switch f.Type.Kind() {
		case reflect.Float32, reflect.Float64:
			if options != "" { // -0 is left out, and comes back as 0
				return nil
			}
		case reflect.Map, reflect.Slice:
			omits = options != ""
		}
		if !flat(f.Type) {
			deep = append(deep, field{f.Index[0], omits, copy})
		}
	}
	return func(dst, src reflect.Value) {
		dst.Set(src)
		for _, f := range deep {
			to, from := dst.Field(f.index), src.Field(f.index)
			to.SetZero()
			if !f.omits || from.Len() > 0 {
				f.copy(to, from)
			}
		}
	}
}

// simple says whether a name in a tag is taken as it is, which "-" is not, nor are
// some that have other signs.
func simple(name string) bool {
	return name != "-" && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-'
	})
}

func mapCopier(t reflect.Type, key, elem copier) copier {
	switch k := t.Key().Kind(); {
	case key == nil || elem == nil:
		return nil
	case k != reflect.String && (k < reflect.Int || k > reflect.Uint64): // JSON has no other keys
		return nil
	}
	plain := flat(t.Elem())
	return func(dst, src reflect.Value) {
		if src.IsNil() {
			return
		}
		dst.Set(reflect.MakeMapWithSize(t, src.Len()))
		k, from, to := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem(), reflect.New(t.Elem()).Elem()
		for entries := src.MapRange(); entries.Next(); {
			k.SetIterKey(entries)
			from.SetIterValue(entries)
			if plain {
				dst.SetMapIndex(k, from)
				continue
			}
			to.SetZero()
			elem(to, from)
			dst.SetMapIndex(k, to)
		}
	}
}

func listCopier(t reflect.Type, elem copier) copier {
	if elem == nil {
		return nil
	}
	plain := flat(t.Elem())
	return func(dst, src reflect.Value) {
		if t.Kind() == reflect.Slice {
			if src.IsNil() {
				return
			}
			if dst.Grow(src.Len()); src.Len() == 0 {
				dst.Set(reflect.MakeSlice(t, 0, 0)) // and not nil
			}
			dst.SetLen(src.Len())
		}
		if plain {
			reflect.Copy(dst, src)
			return
		}
		for i := range src.Len() {
			elem(dst.Index(i), src.Index(i))
		}
	}
}

func pointerCopier(t reflect.Type, elem copier) copier {
	switch t.Elem().Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice: // of one that is nil, nil comes back itself
		return nil
	}
	if elem == nil {
		return nil
	}
	return func(dst, src reflect.Value) {
		if !src.IsNil() {
			dst.Set(reflect.New(t.Elem()))
			elem(dst.Elem(), src.Elem())
		}
	}
}
