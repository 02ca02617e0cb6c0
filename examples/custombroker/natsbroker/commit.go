package natsbroker

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/spinneyio/est/broker"
)

// stored is what the stream has of a record: the last message of its subject. The
// zero value is none.
type stored struct {
	state broker.State
	aged  int64     // when state was last aged, in nanoseconds of the server's clock; 0: never
	at    time.Time // when the server stored it
	seq   uint64    // its number in the stream
}

// read asks the server for the record on a subject; of a cluster, the one that
// leads the stream.
func (b *Broker) read(ctx context.Context, subject string) (stored, error) {
	m, err := b.stream.GetLastMsgForSubject(ctx, subject)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound): // the server came back empty
		_, err := b.createStream(ctx)
		return stored{}, err
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return stored{}, nil
	case err != nil:
		return stored{}, err
	case len(m.Data) < 8:
		return stored{}, fmt.Errorf("message %d of the stream is no record", m.Sequence)
	}
	state, err := broker.ParseState(m.Data[8:])
	return stored{state: state, aged: int64(binary.BigEndian.Uint64(m.Data)), at: m.Time, seq: m.Sequence}, err
}

// age forgets old receipts, as of when the record was last stored: whoever
// committed before aged, and not again, did so at least a retention ago.
func (s stored) age(retention time.Duration) stored {
	switch last := s.at.UnixNano(); {
	case s.seq == 0:
	case s.aged == 0:
		s.aged = last
	case last-s.aged >= int64(retention):
		s.state, s.aged = s.state.Age(), last
	}
	return s
}

// commit reads, applies and writes, until nobody else was faster. A round that is
// one too many does no harm: the record knows the commit's id.
func (b *Broker) commit(ctx context.Context, key broker.Key, c broker.Commit) (broker.Receipt, error) {
	state, log, err := b.subjects(key)
	if err == nil {
		err = b.checkSizes(c)
	}
	if err != nil {
		return broker.Receipt{}, err
	}
	for {
		old, err := b.read(ctx, state)
		if err != nil {
			return broker.Receipt{}, err
		}
		old = old.age(b.options.Retention)
		next, receipt, err := broker.Apply(old.state, c)
		if err != nil {
			return broker.Receipt{}, err
		}
		before, after := old.state.AppendTo(nil), next.AppendTo(nil)
		if bytes.Equal(before, after) {
			return receipt, nil // it was applied before
		}
		messages, err := b.messages(log, old.state.Record(false).At.Seq, c, receipt)
		if err != nil {
			return broker.Receipt{}, err
		}
		// The record is first: whoever gets a message finds it (rule 23).
		batch := append([]*nats.Msg{b.record(state, old, next, after)}, messages...)
		for _, m := range batch {
			if n := len(m.Data); n > b.maxData() {
				return broker.Receipt{}, fmt.Errorf("%w: a message or the whole record has %d bytes, more than %d", broker.ErrTooLarge, n, b.maxData())
			}
		}
		err = b.send(batch)
		if err == nil {
			return receipt, nil
		}
		refused, _ := errors.AsType[*jetstream.APIError](err)
		switch {
		case errors.Is(err, context.DeadlineExceeded): // no answer: the next round finds out
		case refused == nil:
			return broker.Receipt{}, fmt.Errorf("%w: %v", broker.ErrOutcomeUnknown, err)
		case refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		case refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant: // of a cluster
		case refused.ErrorCode == tooManyBatches, refused.ErrorCode == incompleteBatch:
			pause(ctx, 10*time.Millisecond)
		default:
			return broker.Receipt{}, err
		}
	}
}

// record is the message that has the record from now on, if old is still the last.
func (b *Broker) record(subject string, old stored, next broker.State, encoded []byte) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = append(binary.BigEndian.AppendUint64(nil, uint64(old.aged)), encoded...)
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(old.seq, 10))
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject) // instead of all before
	if next.Age().Age().Empty() {                                 // neither value nor members
		m.Header.Set(jetstream.MsgTTLHeader, seconds(b.options.Retention))
	}
	return m
}

// send stores the messages of a batch, all or none of them. It doesn't stop half
// way when a caller has gone: the server would wait ten seconds for the rest, and
// takes 50 batches at a time.
func (b *Broker) send(batch []*nats.Msg) error {
	last := len(batch) - 1
	if last > 0 {
		id := rand.Text()
		for i, m := range batch {
			m.Header.Set("Nats-Batch-Id", id)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		batch[last].Header.Set("Nats-Batch-Commit", "1")
	}
	for _, m := range batch[:last] {
		if err := b.conn.PublishMsg(m); err != nil {
			return err
		}
	}
	_, err := b.js.PublishMsg(b.connection(), batch[last])
	return err
}

// Errors of the server that the client library has no names for. Both pass: there
// were over 50 batches of a stream, or 1,000 of a server, at the same time; and part
// of a batch was lost with a connection, or with those too many.
const (
	tooManyBatches  jetstream.ErrorCode = 10210
	incompleteBatch jetstream.ErrorCode = 10176
)

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
