package gws

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/spinneyio/est/core"
)

// The first byte of the frames that are written here: the last and only fragment
// of its message, no extension, and the opcode.
const (
	frameText  = 0x81
	frameClose = 0x88
	framePing  = 0x89
	framePong  = 0x8A
)

const (
	maxHeader  = 10
	maxControl = 125 // bytes that a control frame may carry

	// noStatus is a close frame without a code, as a browser's close() sends it.
	noStatus core.CloseCode = 0
	// protocolError is for frames that break RFC 6455. est's own table doesn't have
	// it, since for an instance such a peer is just lost.
	protocolError core.CloseCode = 1002
	notUTF8       core.CloseCode = 1007
)

// appendHeader appends the header of a frame that carries n bytes. Frames of a
// server have no mask.
func appendHeader(b []byte, first byte, n int) []byte {
	switch {
	case n <= maxControl:
		return append(b, first, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, first, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
	}
}

// controlFrame is a whole control frame.
func controlFrame(first byte, payload []byte) []byte {
	return append(appendHeader(make([]byte, 0, 2+len(payload)), first, len(payload)), payload...)
}

// closeFrame is a close frame. A reason that is too long for one is cut, between
// two runes.
func closeFrame(code core.CloseCode, reason string) []byte {
	if code == noStatus {
		return controlFrame(frameClose, nil)
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if most := maxControl - 2; len(reason) > most {
		for !utf8.RuneStart(reason[most]) {
			most--
		}
		reason = reason[:most]
	}
	return controlFrame(frameClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}
