package redis

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spinneyio/est/broker"
)

// Options adjusts a [Broker]. All but Prefix have a default.
type Options struct {
	// Prefix is what the names of all keys and topics begin with, so that several
	// applications may share a server: those with different prefixes never meet.
	// Required, and without braces.
	Prefix string

	// Retention is for how long receipts are kept at least. What runs on the broker
	// sends a commit again for five minutes, so less than that is for tests.
	// Default: 10 minutes.
	Retention time.Duration

	// Queue is how many messages wait for a subscription's handler at most, not
	// counting the one that is being handled. Default: 1024.
	Queue int

	// MaxValue is the most bytes that a value, a message or the data of a member
	// may have. Default: 8 MiB.
	MaxValue int

	// MaxCommit is the most bytes that a commit may have in all. The messages of a
	// commit are published at once, and a server cuts off a subscriber to whom more
	// is on its way than client-output-buffer-limit allows: 32 MB by default.
	// Default: 16 MiB.
	MaxCommit int

	// MaxKey is the most bytes that a key (namespace and room together), the ID
	// of a member, or a writer may have. Default: 64 KiB.
	MaxKey int

	// Probe is how long the connection for messages may be silent before it is
	// tried, by a message to ourselves. If that doesn't come for as long again, the
	// connection is given up, and another one is made. Default: 5 seconds.
	Probe time.Duration
}

// checked returns the options with their defaults.
func (o *Options) checked() (Options, error) {
	if o == nil || o.Prefix == "" {
		return Options{}, errors.New("redis: Options.Prefix is required: the names of all keys and topics begin with it, so that applications don't mix")
	}
	c := *o
	if strings.ContainsAny(c.Prefix, "{}") {
		return c, fmt.Errorf("redis: Options.Prefix is %q: it must not have braces, which say in a cluster where a key is", c.Prefix)
	}
	if c.Retention > 0 && c.Retention < time.Millisecond {
		return c, fmt.Errorf("redis: Options.Retention is %v: it is at least a millisecond, and in production minutes", c.Retention)
	}
	setDefault(&c.Retention, 10*time.Minute)
	setDefault(&c.Queue, 1024)
	setDefault(&c.MaxValue, 8<<20)
	setDefault(&c.MaxCommit, 16<<20)
	setDefault(&c.MaxKey, 64<<10)
	setDefault(&c.Probe, 5*time.Second)
	return c, nil
}

func setDefault[T int | time.Duration](option *T, v T) {
	if *option <= 0 {
		*option = v
	}
}

func (o *Options) checkKey(key broker.Key) error {
	return check("the key", len(key.Namespace)+len(key.Room), o.MaxKey, "MaxKey")
}

func (o *Options) checkSizes(key broker.Key, c broker.Commit) error {
	if err := o.checkKey(key); err != nil {
		return err
	}
	if err := check("the writer", len(c.ID.Writer), o.MaxKey, "MaxKey"); err != nil {
		return err
	}
	if err := check("the value", len(c.Value.Value), o.MaxValue, "MaxValue"); err != nil {
		return err
	}
	all := len(c.Value.Value)
	for _, m := range c.Members {
		all += len(m.ID) + len(m.Data)
		if err := check("a member's ID", len(m.ID), o.MaxKey, "MaxKey"); err != nil {
			return err
		}
		if err := check("a member's data", len(m.Data), o.MaxValue, "MaxValue"); err != nil {
			return err
		}
	}
	for _, m := range c.Messages {
		all += len(m)
		if err := check("a message", len(m), o.MaxValue, "MaxValue"); err != nil {
			return err
		}
	}
	return check("the commit", all, o.MaxCommit, "MaxCommit")
}

func check(what string, size, most int, option string) error {
	if size <= most {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes, Options.%s is %d", broker.ErrTooLarge, what, size, option, most)
}
