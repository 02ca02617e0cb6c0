package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Message is one JSON text. What a client sent has been checked to be valid
// JSON before a function sees it. It must not be changed: recipients share it.
// What an outcome sends as a Message goes out byte for byte, so that any JSON library
// can make it.
type Message []byte

// Decode parses the message into v, as encoding/json does.
func (m Message) Decode(v any) error {
	if err := json.Unmarshal(m, v); err != nil {
		return fmt.Errorf("core: decode message: %w", err)
	}
	return nil
}

// MarshalJSON implements json.Marshaler: the message is its own text.
func (m Message) MarshalJSON() ([]byte, error) {
	if len(m) == 0 {
		return []byte("null"), nil
	}
	return m, nil
}

// UnmarshalJSON implements json.Unmarshaler: it keeps a copy of the text.
func (m *Message) UnmarshalJSON(text []byte) error {
	*m = bytes.Clone(text)
	return nil
}

// String is the text itself.
func (m Message) String() string { return string(m) }

var errNotJSON = errors.New("core: a Message that is not valid JSON in UTF-8")

// encode makes v JSON. A Message is taken as it is, byte for byte.
func encode(v any) (Message, error) {
	if m, ok := v.(Message); ok && len(m) > 0 {
		if !valid(m) {
			return nil, errNotJSON
		}
		return m, nil
	}
	return marshal(v)
}

// marshal is json.Marshal, for types whose methods may panic.
func marshal(v any) (b []byte, err error) {
	defer recovered(&err)
	return json.Marshal(v)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = errors.New(panicked(p))
	}
}
