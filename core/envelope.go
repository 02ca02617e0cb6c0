package core

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// What est writes around the application's JSON: members and messages. Both
// begin with a schema number; one that this build does not know is refused. The
// room state has no envelope: it is the application's JSON as it is.

const schema = 1

// StoredMember is what the store keeps of a member.
type StoredMember struct {
	Schema   int     `json:"est"`
	Instance string  `json:"instance"` // writer of the instance that holds the connection
	Identity string  `json:"identity,omitempty"`
	Data     Message `json:"data"` // connection data as of its last commit
}

// DecodeMember reads the data of a member. Of one whose schema is not known here, and
// so with an error, Schema and Instance are filled in: those two never change.
func DecodeMember(data []byte) (StoredMember, error) {
	var s StoredMember
	err := json.Unmarshal(data, &s)
	if err == nil && s.Schema == schema {
		return s, nil
	}
	var head struct { // of another schema the rest may be anything
		Schema   int    `json:"est"`
		Instance string `json:"instance"`
	}
	if other := json.Unmarshal(data, &head); other != nil {
		return StoredMember{}, fmt.Errorf("core: decode member: %w", other)
	}
	if head.Schema == schema {
		return StoredMember{}, fmt.Errorf("core: decode member: %w", err)
	}
	s = StoredMember{Schema: head.Schema, Instance: head.Instance}
	return s, fmt.Errorf("core: decode member: schema %d is not known here, only %d: update this instance", s.Schema, schema)
}

func encodeMember(instance, identity string, data []byte) []byte {
	b, err := json.Marshal(StoredMember{schema, instance, identity, data})
	if err != nil { // data is JSON that was encoded by us
		panic(fmt.Sprintf("core: encode member: %v", err))
	}
	return b
}

// ErrNobody is the bug of a Publication that reaches nobody, or is to all and to
// someone.
var ErrNobody = errors.New("core: a Publication must have either All or To: To(\"\") reaches nobody")

// EncodePublication makes a message of p as it goes into a commit. from is the
// publishing connection, "" from outside any.
func EncodePublication(from ConnID, p Publication) ([]byte, error) {
	if p.All == (p.To != "") {
		return nil, ErrNobody
	}
	body, err := encode(p.Body)
	if err != nil {
		return nil, fmt.Errorf("core: encode publication: %w", err)
	}
	b := make([]byte, 0, 8+len(from)+len(p.To)+len(body))
	b = append(b, schema)
	b = appendString(b, string(from))
	b = appendString(b, p.To) // "" is all
	return append(b, body...), nil
}

// DecodePublication reads a message. Its Body shares b.
func DecodePublication(b []byte) (Delivery, error) {
	if len(b) == 0 || b[0] != schema {
		return Delivery{}, errors.New("core: decode message: its schema is not known here: update this instance")
	}
	from, rest, ok1 := cutString(b[1:])
	to, body, ok2 := cutString(rest)
	if !ok1 || !ok2 {
		return Delivery{}, errors.New("core: decode message: cut off")
	}
	return Delivery{From: ConnID(from), All: to == "", To: to, Body: body}, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return "", nil, false
	}
	return string(b[k : k+int(n)]), b[k+int(n):], true
}
