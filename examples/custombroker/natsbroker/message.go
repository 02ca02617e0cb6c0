package natsbroker

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/spinneyio/est/broker"
)

const (
	maxKey      = 2 << 10 // bytes of namespace and room
	maxMessages = 999     // of a commit; the server takes batches of 1,000
	maxBytes    = 16 << 20
	headers     = 1 << 10 // bytes that ours may have
)

// subjects are a room's own. Namespace, with its length before it, and room are in
// base64, so that no two keys have one subject (rule 1), and no byte of a key means
// anything to NATS.
func (b *Broker) subjects(key broker.Key) (state, log string, err error) {
	if n := len(key.Namespace) + len(key.Room); n > maxKey {
		return "", "", fmt.Errorf("%w: the key has %d bytes, more than %d", broker.ErrTooLarge, n, maxKey)
	}
	token := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%s%s", len(key.Namespace), key.Namespace, key.Room))
	return b.options.Stream + ".state." + token, b.options.Stream + ".log." + token, nil
}

// checkSizes refuses what is too large whatever the record is.
func (b *Broker) checkSizes(c broker.Commit) error {
	most, total := len(c.Value.Value), 0
	for _, m := range c.Members {
		most = max(most, len(m.ID), len(m.Data))
	}
	for _, m := range c.Messages {
		most = max(most, len(m))
		total += len(m)
	}
	switch {
	case most > b.maxData()/4:
		return fmt.Errorf("%w: a value, message or member has %d bytes, more than %d", broker.ErrTooLarge, most, b.maxData()/4)
	case len(c.Messages) > maxMessages:
		return fmt.Errorf("%w: %d messages, more than %d", broker.ErrTooLarge, len(c.Messages), maxMessages)
	case total > maxBytes:
		return fmt.Errorf("%w: messages of %d bytes, more than %d", broker.ErrTooLarge, total, maxBytes)
	}
	return nil
}

// maxData is how much data a message of the server has room for.
func (b *Broker) maxData() int { return int(b.conn.MaxPayload()) - headers }

// messages are what c publishes, as the log has them: numbered from before on.
func (b *Broker) messages(subject string, before uint64, c broker.Commit, receipt broker.Receipt) ([]*nats.Msg, error) {
	list := make([]*nats.Msg, len(c.Messages))
	for i, body := range c.Messages {
		var data bytes.Buffer
		err := gob.NewEncoder(&data).Encode(broker.Message{
			At:      broker.Position{Epoch: receipt.At.Epoch, Seq: before + uint64(i) + 1},
			Commit:  c.ID,
			Version: receipt.Version,
			Body:    body,
		})
		if err != nil {
			return nil, err
		}
		list[i] = nats.NewMsg(subject)
		list[i].Data = data.Bytes()
		list[i].Header.Set(jetstream.MsgTTLHeader, seconds(keepLog))
	}
	return list, nil
}

// parseMessage reads a message of the log.
func parseMessage(data []byte) (m broker.Message, err error) {
	err = gob.NewDecoder(bytes.NewReader(data)).Decode(&m)
	return m, err
}

// seconds is d as the server reads it, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
