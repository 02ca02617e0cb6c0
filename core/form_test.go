package core

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type (
	formName string
	formByte uint8
	formLeaf struct {
		N int     `json:"n"`
		S string  `json:"s-1,omitempty"`
		F float64 // by its own name
		B bool    `json:",omitempty"`
	}
	formTree struct {
		Leaf   formLeaf            `json:"leaf"`
		Leaves []formLeaf          `json:"leaves"`
		Some   []string            `json:"some,omitempty"`
		Names  []formName          `json:"names"`
		Bytes  []byte              `json:"bytes"`
		Octets []formByte          `json:"octets,omitempty"`
		Digest [2]byte             `json:"digest,omitempty"`
		Grid   [2][3]int8          `json:"grid"`
		By     map[string]formLeaf `json:"by"`
		Few    map[string][]int    `json:"few,omitempty"`
		Num    map[uint16]float32  `json:"num"`
		Maybe  map[formName]*int64 `json:"maybe"`
		To     *formLeaf           `json:"to,omitempty"`
		Rooms  [2][]string         `json:"rooms,omitempty"`
		For    time.Duration       `json:"for"`
	}
)

func formTrees() *rapid.Generator[formTree] {
	leaf := rapid.Custom(func(t *rapid.T) formLeaf {
		return formLeaf{
			rapid.Int().Draw(t, "n"), rapid.StringOf(rapid.Rune()).Draw(t, "s"),
			rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e21, 5e-324, 0.1, -1.5, -1.5, -1.5, math.Inf(-1), math.NaN()}).Draw(t, "f"), rapid.Bool().Draw(t, "b"),
		}
	})
	text := rapid.SampledFrom([]string{"", "a", "é", "<&>\u2028", "\xff", "\ufffd", `\ufffd`, "\"\\\x00"})
	name := rapid.Map(text, func(s string) formName { return formName(s) })
	return rapid.Custom(func(t *rapid.T) formTree {
		return formTree{
			Leaf:   leaf.Draw(t, "leaf"),
			Leaves: orNil(t, rapid.SliceOfN(leaf, 0, 2)),
			Some:   orNil(t, rapid.SliceOfN(text, 0, 2)),
			Names:  orNil(t, rapid.SliceOfN(name, 0, 2)),
			Bytes:  orNil(t, rapid.SliceOfN(rapid.Byte(), 0, 2)),
			Octets: orNil(t, rapid.Just([]formByte{7})),
			Digest: [2]byte{rapid.Byte().Draw(t, "digest")},
			Grid:   [2][3]int8{{1}, {rapid.Int8().Draw(t, "grid")}},
			By:     orNil(t, rapid.MapOfN(text, leaf, 0, 2)),
			Few:    orNil(t, rapid.MapOfN(text, rapid.SliceOfN(rapid.Int(), 0, 2), 0, 2)),
			Num:    orNil(t, rapid.MapOfN(rapid.Uint16(), rapid.SampledFrom([]float32{0.1, -9, 2, 3, float32(math.Inf(1))}), 0, 2)),
			Maybe:  orNil(t, rapid.MapOfN(name, rapid.Ptr(rapid.Int64(), true), 0, 2)),
			To:     rapid.Ptr(leaf, true).Draw(t, "to"),
			Rooms:  [2][]string{orNil(t, rapid.SliceOfN(text, 0, 2))},
			For:    time.Duration(rapid.Int64().Draw(t, "for")),
		}
	})
}

func orNil[T any](t *rapid.T, g *rapid.Generator[T]) (v T) {
	if rapid.Bool().Draw(t, "nil") {
		return v
	}
	return g.Draw(t, "not nil")
}

// exactly tells 0 from -0 too, and nil from what is empty.
var exactly = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

// What is kept of a value that was put is what its JSON decodes to, and becomes the
// same JSON whenever that is asked for. It shares nothing with the value, nor with what
// anybody else got. What has no JSON is no value at once.
func TestKeptIsDecoded(t *testing.T) {
	f := formOf[formTree]()
	if f.copy == nil || f.plain {
		t.Fatal("the type can be copied, and not plainly")
	}
	kept, sent, refused := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		v := formTrees().Draw(t, "value")
		raw, none := json.Marshal(v)
		s, err := put(v, &f)
		if none != nil {
			if refused++; err == nil || err.Error() != none.Error() {
				t.Fatalf("error %v, want %v", err, none)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.val != nil {
			kept++
		} else {
			sent++
		}
		var want formTree
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		for i := range 3 { // whoever got one may change it; he that must not may do it all the same
			read := s.private
			if i == 1 {
				read = s.shared
			}
			got, err := read(&f)
			if diff := cmp.Diff(want, got, exactly); diff != "" || err != nil {
				t.Fatalf("%v (-decoded +given):\n%s", err, diff)
			}
			spoil(reflect.ValueOf(&got).Elem())
			spoil(reflect.ValueOf(&v).Elem())
			if got := s.json(); string(got) != string(raw) {
				t.Fatalf("it has become %s, and was %s", got, raw)
			}
		}
	})
	if kept == 0 || sent == 0 || refused == 0 {
		t.Errorf("%d were kept, %d not, %d refused: this test tests nothing", kept, sent, refused)
	}
}

// spoil changes all that can be reached from v.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if e := v.MapIndex(k); e.Kind() == reflect.Slice || e.Kind() == reflect.Pointer {
				spoil(e)
			}
			v.SetMapIndex(k, reflect.Value{})
		}
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem())
		}
	case reflect.String:
		v.SetString("spoilt")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Float64, reflect.Float32:
		v.SetFloat(12345)
	case reflect.Int, reflect.Int8, reflect.Int64:
		v.SetInt(v.Int() ^ 1)
	case reflect.Uint8:
		v.SetUint(v.Uint() ^ 1)
	default:
		panic("not spoilt: " + v.Kind().String())
	}
}

// A value of a plain type is kept too, where it is all in its JSON.
func TestPlainIsKept(t *testing.T) {
	f := formOf[formLeaf]()
	s, err := put(formLeaf{N: 1}, &f)
	if !f.plain || s.val == nil || err != nil {
		t.Errorf("plain %v, kept %v, error %v", f.plain, s.val, err)
	}
	half := formOf[struct{ A, b int }]()
	if s, err := put(struct{ A, b int }{1, 2}, &half); !half.plain || s.val != nil || err != nil {
		t.Errorf("b is kept, and is not in the JSON; error %v", err)
	}
}

// Types that JSON changes on the way, or may change, are decoded.
func TestFormsThatAreDecoded(t *testing.T) {
	type self struct{ Next []self }
	for name, copied := range map[string]bool{
		"any":               formOf[any]().copy != nil,
		"time":              formOf[time.Time]().copy != nil,
		"number":            formOf[json.Number]().copy != nil, // "" comes back as "0"
		"numbers as keys":   formOf[map[json.Number]int]().copy != nil,
		"key with its text": formOf[map[formText]int]().copy != nil,
		"float key":         formOf[map[float64]int]().copy != nil,
		"hidden field":      formOf[struct{ a int }]().copy != nil,
		"embedded":          formOf[struct{ formLeaf }]().copy != nil,
		"function":          formOf[struct{ F func() }]().copy != nil,
		"left out": formOf[struct {
			A int `json:"-"`
		}]().copy != nil,
		"a name with a sign": formOf[struct {
			A int `json:"a b"`
		}]().copy != nil,
		"as text": formOf[struct {
			A int `json:",string"`
		}]().copy != nil,
		"when zero": formOf[struct {
			A []int `json:",omitzero"`
		}]().copy != nil,
		"-0": formOf[struct {
			A float64 `json:",omitempty"`
		}]().copy != nil,
		"one name, folded": formOf[struct {
			A int `json:"x"`
			B int `json:"X"`
		}]().copy != nil,
		"pointer to nil":   formOf[*[]int]().copy != nil,
		"raw":              formOf[struct{ M Message }]().copy != nil,
		"pointer's JSON":   formOf[[]formPointer]().copy != nil,
		"text, appended":   formOf[formAppends]().copy != nil,
		"JSON by stream":   formOf[formStreams]().copy != nil,
		"JSON from stream": formOf[[]formStreamed]().copy != nil,
		"itself":           formOf[self]().copy != nil,
	} {
		if copied {
			t.Errorf("%s: is copied", name)
		}
	}
}

type formText string

func (formText) MarshalText() ([]byte, error) { return []byte("same"), nil }

type formPointer struct{ A int }

func (*formPointer) UnmarshalJSON([]byte) error { return nil }

type formAppends struct{ A int }

func (formAppends) AppendText(b []byte) ([]byte, error) { return b, nil }

// The next two have the methods of encoding/json/v2, of which only the names count.
type formStreams struct{ A int }

func (formStreams) MarshalJSONTo(any) error { return nil }

type formStreamed struct{ A int }

func (*formStreamed) UnmarshalJSONFrom(any) error { return nil }
