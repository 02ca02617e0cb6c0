package wire

import (
	"encoding/binary"
	"io"
)

// TextFrame is p as a text frame of a server.
func TextFrame(p []byte) []byte {
	return append(header(make([]byte, 0, len(p)+4), len(p), 0), p...)
}

// MaskedFrame is p as a text frame of a client, with the mask 0.
func MaskedFrame(p []byte) []byte {
	b := header(make([]byte, 0, len(p)+8), len(p), 0x80)
	return append(append(b, 0, 0, 0, 0), p...)
}

func header(b []byte, n int, mask byte) []byte {
	if n < 126 {
		return append(b, 0x81, mask|byte(n))
	}
	return append(b, 0x81, mask|126, byte(n>>8), byte(n))
}

// ReadFrame reads a frame of a server, of less than 64 KiB, and returns what it
// carries.
func ReadFrame(r io.Reader) ([]byte, error) {
	var h [2]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	n := int(h[1] & 0x7f)
	if n == 126 {
		var long [2]byte
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return nil, err
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}
