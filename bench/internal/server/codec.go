package server

import (
	"bytes"
	"encoding/json"

	goccy "github.com/goccy/go-json"

	"github.com/spinneyio/est/bench/internal/wire"
)

// codec is a JSON library.
type codec struct {
	decode func([]byte, any) error
	encode func(any) ([]byte, error)
}

var (
	standard = codec{json.Unmarshal, json.Marshal}
	fast     = codec{goccy.Unmarshal, goccy.Marshal}
)

// roundTrip decodes a message and encodes it: the work of an echo.
func (c codec) roundTrip(p []byte) []byte {
	var m wire.In
	must(c.decode(p, &m))
	out, err := c.encode(&m)
	must(err)
	return out
}

// splitValue cuts a message around its value, which is one digit.
func splitValue(p []byte) (before, after []byte) {
	name := []byte(`"val":`)
	i := bytes.Index(p, name) + len(name)
	return p[:i], p[i+1:]
}
