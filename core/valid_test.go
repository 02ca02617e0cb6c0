package core

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// sameAsJSON compares valid with what it stands for. What lies behind a text is none of
// its business, even if it would complete it.
func sameAsJSON(t interface{ Errorf(string, ...any) }, text []byte) {
	text = append(bytes.Clone(text), `0000"}]`...)[:len(text)]
	if got, want := valid(text), json.Valid(text) && utf8.Valid(text); got != want {
		t.Errorf("valid is %v, want %v: %.200q (%d bytes)", got, want, text, len(text))
	}
}

// texts are JSON, or nearly so.
var texts = []string{
	"", " ", "0", "-0", "01", "-01", "00", "1.", ".1", "-.1", "1.5", "1.05", "1e", "1E+", "1e-", "1e5", "1e05", "-1.0E+10", "1e1.5", "1.e1", "-", "--1", "+1", "0x1", "1a", "0e0", "0.0", "12 3",
	`""`, `"`, `"a`, `"\"`, `"\"";`, `"\\"`, `"\\\"`, `"\/\b\f\n\r\t"`, `"\a"`, `"\U0041"`, `"\u0041"`, `"\u12"`, `"\u123`, `"\u`, `"\u1"`, `"\u12g4"`, `"\u12G4"`, `"\u@123"`, "\"\\u`123\"", `"\uD800"`, `"\uD800\uDC00"`, `"\uabCD\u"`, `"\`, `\"`,
	"\"\x00\"", "\"\x1f\"", "\" \"", "\"\x7f\"", "\"\t\"", "\"1234567\n\"", "\"12345678\n\"", "\"é\u2028\"", "\"\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", `"1234567`, `"12345678`, `"123456789`, "\"1234567\x80\"", "\"12345678\xff\"",
	"true", "false", "null", "tru", "truer", "True", "nul", "nulll", "fals", "falsee", "NaN", "Infinity", "t", "undefined",
	" \t\r\n0 \t\r\n", "\v0", "\f0", "0\x00", "\u00a00", "\ufeff0", "0\ufeff", "é", "\u2028",
	"[]", "[ ]", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1,2]", "[[]]", "[[],[]]", "[}", "[]]", "[1}", "[1],", "[:]", `["a":1]`, "[1\v]", "[\n1\t,\r2 ]", "[] []", "[]a",
	"{}", "{ }", "{", "}", `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{"a" : 1 , "b" : 2}`, `{"a":1,"a":1}`, "{1:2}", "{a:1}", "{]", `{"a":1]`, `{"a",1}`, `{"a"::1}`, `{"":{"":[{"":[]}]}}`, `{"a":{}}}`, `{"a\`, `{"a":"b`,
	`{"ts":1700000000000000000,"c":17,"key":"counter-07","n":-1.5e3,"ok":[true,false,null],"pad":"` + strings.Repeat("x", 40) + `\u00e9é"}`,
	"/* */ 1", "// 1", "'a'", "1;", "1,2", `"a" "b"`,
}

// A text is valid if encoding/json and unicode/utf8 say so, whatever it is.
func FuzzValid(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { sameAsJSON(t, text) })
}

// Arrays and objects may be as deep in each other as in encoding/json, however mixed,
// and whatever is open when the text ends is no harm.
func TestValidDepth(t *testing.T) {
	for _, part := range []string{"[", "{", "[{", "[[{", "[0,[", " [ "} {
		for _, depth := range []int{1, 31, 32, 33, 64, 9_999, 10_000, 10_001, 10_002, 100_000} {
			opening, closing := nested(part, depth)
			inner := "1"
			if strings.HasSuffix(opening, "{") {
				inner = ""
			}
			for _, text := range []string{opening + inner + closing, opening + inner, opening, opening + inner + closing + "]", opening + inner + closing[1:]} {
				sameAsJSON(t, []byte(text))
			}
			if got := valid([]byte(opening + inner + closing)); got != (depth <= 10_000) {
				t.Errorf("depth %d of %q: valid is %v", depth, part, got)
			}
		}
	}
}

// nested repeats the brackets of part until so many are open.
func nested(part string, depth int) (opening, closing string) {
	var b, ends []byte
	for i := 0; len(ends) < depth; i++ {
		switch c := part[i%len(part)]; c {
		case '{':
			if b, ends = append(b, c), append(ends, '}'); len(ends) < depth {
				b = append(b, `"a":`...)
			}
		case '[':
			b, ends = append(b, c), append(ends, ']')
		default:
			b = append(b, c)
		}
	}
	slices.Reverse(ends)
	return string(b), string(ends)
}

// What is almost JSON: texts that are, with a few bytes changed, taken out or put in.
func TestValidNearly(t *testing.T) {
	signs := []byte("{}[]:,\"\\/ \t\n\r\v\x00\x1f\x7f\x80\xc3\xa9\xff0123456789+-.eEutrfalsn")
	valids, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := bytes.Clone(rapid.Custom(drawJSON).Draw(t, "text"))
		if !valid(text) {
			t.Fatalf("not valid: %q", text)
		}
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			i := rapid.IntRange(0, len(text)).Draw(t, "at")
			sign := rapid.SampledFrom(signs).Draw(t, "sign")
			switch j := min(i+rapid.IntRange(0, 2).Draw(t, "less"), len(text)); rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				text = slices.Insert(text, i, sign)
			case 1:
				text = slices.Delete(text, i, j)
			case 2:
				text = append(text[:i], append([]byte{sign}, text[j:]...)...)
			}
			sameAsJSON(t, text)
			if all++; valid(text) {
				valids++
			}
		}
	})
	if valids == 0 || valids == all {
		t.Errorf("%d of %d were valid: this test tests nothing", valids, all)
	}
}

// drawJSON draws a text that is JSON, with space in it.
func drawJSON(t *rapid.T) []byte {
	var value func(depth int) any
	value = func(depth int) any {
		switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
		case kind < 2 && depth < 4:
			var list []any
			for range rapid.IntRange(0, 3).Draw(t, "length") {
				list = append(list, value(depth+1))
			}
			return list
		case kind < 4 && depth < 4:
			object := map[string]any{}
			for range rapid.IntRange(0, 3).Draw(t, "size") {
				object[rapid.String().Draw(t, "name")] = value(depth + 1)
			}
			return object
		case kind == 4:
			return rapid.Float64().Draw(t, "number")
		case kind == 5:
			return rapid.SampledFrom([]any{true, false, nil, 0, -17}).Draw(t, "word")
		}
		return rapid.String().Draw(t, "text")
	}
	text, err := json.MarshalIndent(value(0), rapid.SampledFrom([]string{"", "\t", " "}).Draw(t, "prefix"), " ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What it is for: the time of a message of about 128 bytes.
func BenchmarkValid(b *testing.B) {
	text := []byte(`{"ts":1700000000000000000,"c":17,"key":"counter-07","n":3,"pad":"` + strings.Repeat("x", 62) + `"}`)
	chat := []byte(`{"type":"say","room":"lobby","text":"Where were we? \"Soon\", he said.","tags":["a","b"],"at":{"x":12.5,"y":-3},"ok":true}`)
	for name, text := range map[string][]byte{"padded": text, "chat": chat} {
		b.Run(name+"/est", func(b *testing.B) {
			for b.Loop() {
				if !valid(text) {
					b.Fatal("not valid")
				}
			}
		})
		b.Run(name+"/json", func(b *testing.B) {
			for b.Loop() {
				if !json.Valid(text) || !utf8.Valid(text) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
