package core

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// form is what is known of T as a type of stored values. What a function of the
// application sees is what the JSON of a value decodes to, and each time another copy.
// Where the type itself says that copying comes to the same, nothing is decoded that
// was put here, and nothing encoded that is not sent: the two are the dearest part of a
// transition.
type form[T any] struct {
	plain bool   // a plain copy shares nothing that can be changed
	copy  copier // of what JSON has not changed; nil: only JSON can tell what comes back
	take  copier // of what JSON may change or refuse; nil likewise
}

func formOf[T any]() form[T] {
	t := reflect.TypeFor[T]()
	return form[T]{plain: flat(t), copy: copierOf(t, nil, flat), take: copierOf(t, nil, sure)}
}

// clones says whether clone is as good as decoding again.
func (f *form[T]) clones() bool { return f.plain || f.copy != nil }

func (f *form[T]) clone(v *T) T {
	if f.plain {
		return *v
	}
	c := *v
	f.copy(reflect.ValueOf(&c).Elem())
	return c
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

// sure says whether JSON keeps each t as it is: text may not be UTF-8, and a fraction
// not a number. What is not flat is looked into.
func sure(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return sure(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if !sure(f.Type) {
				return false
			}
		}
		return true
	}
	return t.Kind() <= reflect.Uint64
}

// copier makes of v, which is a plain copy of a value, a copy that shares nothing with
// it, as if by way of JSON. It says no where JSON would change the value, or refuse it.
type copier func(v reflect.Value) bool

// copierOf is the copier of t, which is a part of the types in within; nil where
// copying is not the same as encoding and decoding, or nobody has made sure. Of what
// is plain it makes a plain copy, and does not look into it.
func copierOf(t reflect.Type, within []reflect.Type, plain func(reflect.Type) bool) copier {
	if decides(t) || slices.Contains(within, t) {
		return nil
	}
	within = append(within[:len(within):len(within)], t)
	of := func(t reflect.Type) copier { return copierOf(t, within, plain) }
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(reflect.Value) bool { return true }
	case reflect.String:
		return func(v reflect.Value) bool { return utf8.ValidString(v.String()) }
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value) bool { return v.Float()-v.Float() == 0 } // neither NaN nor infinite
	case reflect.Struct:
		return structCopier(t, of, plain)
	case reflect.Map:
		return mapCopier(t, of(t.Key()), of(t.Elem()), plain)
	case reflect.Array, reflect.Slice:
		return listCopier(t, of(t.Elem()), plain(t.Elem()))
	case reflect.Pointer:
		return pointerCopier(t, of(t.Elem()))
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
func structCopier(t reflect.Type, of func(reflect.Type) copier, plain func(reflect.Type) bool) copier {
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
		copy := of(f.Type)
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
		if !plain(f.Type) {
			deep = append(deep, field{f.Index[0], omits, copy})
		}
	}
	return func(v reflect.Value) bool {
		for _, f := range deep {
			if v := v.Field(f.index); f.omits && v.Len() == 0 {
				v.SetZero()
			} else if !f.copy(v) {
				return false
			}
		}
		return true
	}
}

// simple says whether a name in a tag is taken as it is, which "-" is not, nor are
// some that have other signs.
func simple(name string) bool {
	return name != "-" && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-'
	})
}

func mapCopier(t reflect.Type, key, elem copier, plain func(reflect.Type) bool) copier {
	switch k := t.Key().Kind(); {
	case key == nil || elem == nil:
		return nil
	case k != reflect.String && (k < reflect.Int || k > reflect.Uint64): // JSON has no other keys
		return nil
	}
	plainKey, plainElem := plain(t.Key()), plain(t.Elem())
	return func(v reflect.Value) bool {
		if v.IsNil() {
			return true
		}
		c := reflect.MakeMapWithSize(t, v.Len())
		k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for entries := v.MapRange(); entries.Next(); {
			k.SetIterKey(entries)
			e.SetIterValue(entries)
			if !plainKey && !key(k) || !plainElem && !elem(e) {
				return false
			}
			c.SetMapIndex(k, e)
		}
		v.Set(c)
		return true
	}
}

func listCopier(t reflect.Type, elem copier, plain bool) copier {
	if elem == nil {
		return nil
	}
	return func(v reflect.Value) bool {
		c, n := v, v.Len()
		if t.Kind() == reflect.Slice {
			if v.IsNil() {
				return true
			}
			c = reflect.MakeSlice(t, n, n)
			reflect.Copy(c, v)
		}
		for i := 0; !plain && i < n; i++ {
			if !elem(c.Index(i)) {
				return false
			}
		}
		v.Set(c)
		return true
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
	return func(v reflect.Value) bool {
		if v.IsNil() {
			return true
		}
		c := reflect.New(t.Elem())
		c.Elem().Set(v.Elem())
		v.Set(c)
		return elem(c.Elem())
	}
}
