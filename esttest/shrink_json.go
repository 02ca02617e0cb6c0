package esttest

import (
	"encoding/json"
	"slices"
	"strings"
)

// jsonValue is a JSON value whose members keep their order.
type jsonValue struct {
	open  json.Delim  // { or [, or 0 for a leaf
	leaf  string      // as JSON
	keys  []string    // of an object
	parts []jsonValue // of an object or array
}

// smallerJSON returns forms of a text that are smaller by one change each: first
// without a part, then with a smaller leaf. There are none of what isn't JSON.
func smallerJSON(text string) []string {
	return forms(text, jsonValue.without, smallerLeaf)
}

// otherJSON returns forms of a text that have another leaf in one place.
func otherJSON(text string) []string {
	return forms(text, func(jsonValue) []jsonValue { return nil }, otherLeaf)
}

func forms(text string, nested func(jsonValue) []jsonValue, leaf func(string) []string) (all []string) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := parseJSON(d)
	if err != nil || d.More() {
		return nil
	}
	for _, changed := range v.changed(nested, leaf) {
		if form := changed.String(); form != text {
			all = append(all, form)
		}
	}
	return all
}

func parseJSON(d *json.Decoder) (v jsonValue, err error) {
	t, err := d.Token()
	if err != nil {
		return v, err
	}
	open, nested := t.(json.Delim)
	if !nested {
		v.leaf = encodeJSON(t)
		return v, nil
	}
	v.open = open
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return v, err
			}
			v.keys = append(v.keys, key.(string))
		}
		part, err := parseJSON(d)
		if err != nil {
			return v, err
		}
		v.parts = append(v.parts, part)
	}
	_, err = d.Token()
	return v, err
}

// encodeJSON encodes what a decoder gave, which always can be.
func encodeJSON(token any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(token); err != nil {
		panic("esttest: a JSON token can't be encoded: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// changed returns all that v becomes by one change, at the top or further down.
func (v jsonValue) changed(nested func(jsonValue) []jsonValue, leaf func(string) []string) (all []jsonValue) {
	if v.open == 0 {
		for _, other := range leaf(v.leaf) {
			all = append(all, jsonValue{leaf: other})
		}
		return all
	}
	all = nested(v)
	for i, part := range v.parts {
		for _, other := range part.changed(nested, leaf) {
			whole := v
			whole.parts = slices.Clone(v.parts)
			whole.parts[i] = other
			all = append(all, whole)
		}
	}
	return all
}

// without returns an object or array without each of its parts.
func (v jsonValue) without() (all []jsonValue) {
	for i := range v.parts {
		rest := jsonValue{open: v.open, parts: slices.Delete(slices.Clone(v.parts), i, i+1)}
		if v.keys != nil {
			rest.keys = slices.Delete(slices.Clone(v.keys), i, i+1)
		}
		all = append(all, rest)
	}
	return all
}

func smallerLeaf(leaf string) []string {
	switch leaf {
	case "null", "false", "0", `""`:
		return nil
	case "true":
		return []string{"false"}
	case "1":
		return []string{"0"}
	}
	if leaf[0] != '"' {
		return []string{"0", "1"}
	}
	var text string
	if err := json.Unmarshal([]byte(leaf), &text); err != nil {
		panic("esttest: a JSON string can't be decoded: " + err.Error())
	}
	runes := []rune(text)
	return []string{`""`, encodeJSON(string(runes[:1])), encodeJSON(string(runes[:len(runes)/2]))}
}

func otherLeaf(leaf string) []string {
	switch {
	case leaf == "null":
		return nil
	case leaf == "true":
		return []string{"false"}
	case leaf == "false":
		return []string{"true"}
	case leaf[0] == '"':
		return []string{`"other"`}
	case leaf == "7":
		return []string{"8"}
	}
	return []string{"7"}
}

func (v jsonValue) String() string {
	if v.open == 0 {
		return v.leaf
	}
	parts := make([]string, len(v.parts))
	for i, part := range v.parts {
		if parts[i] = part.String(); v.open == '{' {
			parts[i] = encodeJSON(v.keys[i]) + ":" + parts[i]
		}
	}
	if v.open == '{' {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}
