package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spinneyio/est/core"
)

// Options are an instance's hooks and limits. nil and zero fields are the
// defaults; a negative limit is no limit where that is said.
type Options struct {
	// Logger gets what operators should know. Default: slog.Default().
	Logger *slog.Logger

	// Perform performs a side effect that an outcome asked for, after its commit,
	// once, and in order for each connection. It may block; ctx ends with the
	// instance. Its result, as JSON, or its error come back to the integration as
	// Performed, if that is set and the connection is still there. A panic counts as
	// an error. Default: side effects are reported as errors.
	Perform func(ctx context.Context, conn core.ConnID, effect any) (result any, err error)

	// OnError is called for each error that nobody else gets: bugs in the
	// integration, failed side effects, an unreachable broker. what says what was
	// being done. It is called by several goroutines at once, and must not block.
	// Default: they are logged only.
	OnError func(err error, what string)

	// HelloTimeout is how long a connection may take to say hello. Default: 10 s.
	HelloTimeout time.Duration

	// Inbound is how many messages of one connection, and side effects that it
	// asked for, may wait before the instance stops reading from it. Default: 32.
	Inbound int

	// OutboundMessages and OutboundBytes are how much may wait for a client that
	// reads slowly, besides what is being written to it, before it is closed with
	// core.ClosePolicy. While there is half as much, nothing is read from it: so
	// that can only come from others, as long as OutboundMessages is three times
	// Inbound. Default: 1024 messages, 4 MiB.
	OutboundMessages int
	OutboundBytes    int

	// Rate is how many messages a second a connection may send, averaged over ten
	// seconds, before it is closed with core.ClosePolicy. Default: 20,000. Negative: no limit.
	Rate int

	// Patience is how long a room waits for a broker that can't be reached, or a
	// sixteenth less at most, if it was asked something just before. Then
	// all transitions that wait in it by now, and idle members when messages may be
	// missing, are given up, and their connections closed with core.CloseTryLater. A
	// commit that was under way is still sent until its outcome is known, for five
	// minutes and one Patience more at most, and may yet take place; so this must stay
	// well below the time that the broker keeps receipts (its rule 18). Default: 10 s.
	Patience time.Duration

	// Heartbeat is how often the instance shows the others that it lives, and looks
	// for them: one small commit and one load each time, and a second commit each fifth
	// time. One that has stood still for
	// five heartbeats of another, a lease, is given up: its connections' Leaves are
	// run by others, and if it lives after all it closes them with
	// core.CloseComeBack. Five must be longer than any pause of the process. All
	// instances of an integration should have the same. Default: 2 s.
	Heartbeat time.Duration

	// Batch is how many transitions of a room share a commit at most. Default: 64.
	Batch int

	// Hold is how many messages of a room may wait on this instance. More are a gap,
	// which Resync or a reconnect mends. Default: 1024.
	Hold int

	// DrainBatch is how many connections are told to go in each tenth of a second of
	// a Shutdown. Each is told after how many milliseconds to come back, at random, so
	// that it takes them twice as long to come as to go: in no second come more than
	// five times DrainBatch. Ten thousand go within one second, by default, and come
	// within the next three, 5,000 in one at most. A client that takes no notice
	// of the delay comes back as fast as it goes. Default: 1000.
	DrainBatch int
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	d.HelloTimeout = cmp.Or(d.HelloTimeout, 10*time.Second)
	d.Inbound = cmp.Or(d.Inbound, 32)
	d.OutboundMessages = cmp.Or(d.OutboundMessages, 1024)
	d.OutboundBytes = cmp.Or(d.OutboundBytes, 4<<20)
	d.Rate = cmp.Or(d.Rate, 20_000)
	d.Patience = cmp.Or(d.Patience, 10*time.Second)
	d.Heartbeat = cmp.Or(d.Heartbeat, 2*time.Second)
	d.Batch = cmp.Or(d.Batch, 64)
	d.Hold = cmp.Or(d.Hold, 1024)
	d.DrainBatch = cmp.Or(d.DrainBatch, 1000)
	return d
}

// validate says what is wrong with options that have their defaults.
func (o *Options) validate() error {
	var errs []error
	positive := func(ok bool, field string) {
		if !ok {
			errs = append(errs, fmt.Errorf("instance: Options.%s must not be negative", field))
		}
	}
	positive(o.HelloTimeout > 0, "HelloTimeout")
	positive(o.Inbound > 0, "Inbound")
	positive(o.OutboundMessages > 0, "OutboundMessages")
	positive(o.OutboundBytes > 0, "OutboundBytes")
	positive(o.Patience > 0, "Patience")
	positive(o.Heartbeat > 0, "Heartbeat")
	positive(o.Batch > 0, "Batch")
	positive(o.Hold > 0, "Hold")
	positive(o.DrainBatch > 0, "DrainBatch")
	return errors.Join(errs...)
}
