package redis

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// A commit's messages are published in one frame: what only the script knows, as
// text, "E V BEFORE EPOCHVERSION", where E and V are the lengths of epoch and
// version; and what the writer has made, binary: writer, number, and the bodies,
// each with its length as a uvarint before it.

func appendFrame(b []byte, c broker.Commit) []byte {
	b = appendText(b, c.ID.Writer)
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

// parseFrame reads what a script has published. The bodies are parts of b.
func parseFrame(b []byte) (d *inbox.Delivery, err error) {
	d = &inbox.Delivery{}
	var sizes [3]uint64
	for i := range sizes {
		text, rest, ok := bytes.Cut(b, []byte{' '})
		if !ok {
			return nil, errFrame
		}
		if sizes[i], err = strconv.ParseUint(string(text), 10, 64); err != nil {
			return nil, errFrame
		}
		b = rest
	}
	epoch, version := sizes[0], sizes[1]
	if epoch > uint64(len(b)) || version > uint64(len(b))-epoch {
		return nil, errFrame
	}
	d.Epoch, d.Version, d.Before = string(b[:epoch]), broker.Version(b[epoch:epoch+version]), sizes[2]
	b = b[epoch+version:]
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
