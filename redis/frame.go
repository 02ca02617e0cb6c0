package redis

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// A commit's messages are published in one frame: a header, which only the script
// knows; and what the writer has made, binary: writer, number, and the bodies, each
// with its length as a uvarint before it.
//
// The header is text, "E V SEQ EPOCHVERSION", where E and V are the lengths of epoch
// and version. In a frame it says where the room was before, and the version after;
// as the script's answer it is the receipt.

// newFrame is what the writer of c makes of a frame.
func newFrame(c broker.Commit) []byte {
	size := (2+len(c.Messages))*binary.MaxVarintLen64 + len(c.ID.Writer)
	for _, m := range c.Messages {
		size += len(m)
	}
	b := appendText(make([]byte, 0, size), c.ID.Writer)
	b = binary.AppendUvarint(b, c.ID.N)
	for _, m := range c.Messages {
		b = appendText(b, m)
	}
	return b
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

var errFrame = errors.New("redis: something else than a commit was published to a topic of ours")

// cutHeader reads a header. What it returns is parts of text.
func cutHeader(text string) (r broker.Receipt, rest string, ok bool) {
	var numbers [3]uint64
	for i := range numbers {
		digits, rest, ok := strings.Cut(text, " ")
		if !ok {
			return r, "", false
		}
		var err error
		if numbers[i], err = strconv.ParseUint(digits, 10, 64); err != nil {
			return r, "", false
		}
		text = rest
	}
	epoch, version, seq := numbers[0], numbers[1], numbers[2]
	if epoch > uint64(len(text)) || version > uint64(len(text))-epoch {
		return r, "", false
	}
	r.At = broker.Position{Epoch: text[:epoch], Seq: seq}
	r.Version = broker.Version(text[epoch : epoch+version])
	return r, text[epoch+version:], true
}

// parseFrame reads what a script has published. Nothing of it keeps text alive.
func parseFrame(text string) (d *inbox.Delivery, err error) {
	header, rest, ok := cutHeader(text)
	if !ok {
		return nil, errFrame
	}
	d = &inbox.Delivery{
		Epoch: strings.Clone(header.At.Epoch), Version: broker.Version(strings.Clone(string(header.Version))), Before: header.At.Seq,
	}
	b := []byte(rest)
	writer, b, ok := cutText(b)
	if !ok {
		return nil, errFrame
	}
	number, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errFrame
	}
	d.Commit = broker.CommitID{Writer: string(writer), N: number}
	for b = b[n:]; len(b) > 0; {
		var body []byte
		if body, b, ok = cutText(b); !ok {
			return nil, errFrame
		}
		d.Bodies = append(d.Bodies, body)
	}
	return d, nil
}

func cutText(b []byte) (text, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return b[n:end:end], b[end:], true
}
