package redis

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// A commit's messages are published in one frame, "EPOCH SEQ VERSION COMMIT BODIES":
// where the room was before, the version after, and the commit's name, which the
// script writes; and what the writer has packed, each body with its length as a
// uvarint before it.

// pack is what the writer makes of messages.
func pack(messages [][]byte) []byte {
	size := len(messages) * binary.MaxVarintLen64
	for _, m := range messages {
		size += len(m)
	}
	b := make([]byte, 0, size)
	for _, m := range messages {
		b = append(binary.AppendUvarint(b, uint64(len(m))), m...)
	}
	return b
}

var errFrame = errors.New("redis: something else than a commit was published to a topic of ours")

// parseReceipt reads "EPOCH SEQ VERSION", as the script answers it too.
func parseReceipt(text string) (r broker.Receipt, ok bool) {
	epoch, text, _ := strings.Cut(text, " ")
	digits, version, ok := strings.Cut(text, " ")
	seq, err := strconv.ParseUint(digits, 10, 64)
	return broker.Receipt{Version: broker.Version(version), At: broker.Position{Epoch: epoch, Seq: seq}}, ok && err == nil && !strings.Contains(version, " ")
}

// parseFrame reads what a script has published. Nothing of it keeps text alive.
func parseFrame(text string) (*inbox.Delivery, error) {
	end := 0
	for range 4 {
		n := strings.IndexByte(text[end:], ' ')
		if n < 0 {
			return nil, errFrame
		}
		end += n + 1
	}
	head := strings.Clone(text[:end-1])
	last := strings.LastIndexByte(head, ' ')
	before, ok := parseReceipt(head[:last])
	id, named := idOf(head[last+1:])
	bodies, unpacked := unpack([]byte(text[end:]))
	if !ok || !named || !unpacked {
		return nil, errFrame
	}
	return &inbox.Delivery{Commit: id, Version: before.Version, Epoch: before.At.Epoch, Before: before.At.Seq, Bodies: bodies}, nil
}

// unpack returns parts of b.
func unpack(b []byte) (messages [][]byte, ok bool) {
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, false
		}
		end := n + int(size)
		messages = append(messages, b[n:end:end])
		b = b[end:]
	}
	return messages, true
}
