package memory

import (
	"fmt"

	"github.com/spinneyio/est/broker"
)

func (b *Broker) checkKey(key broker.Key) error {
	return b.checkName("the key", len(key.Namespace)+len(key.Room))
}

func (b *Broker) checkSizes(key broker.Key, c broker.Commit) error {
	if err := b.checkKey(key); err != nil {
		return err
	}
	if err := b.checkName("the writer", len(c.ID.Writer)); err != nil {
		return err
	}
	if err := b.checkBytes("the value", len(c.Value.Value)); err != nil {
		return err
	}
	for _, m := range c.Members {
		if err := b.checkName("a member's ID", len(m.ID)); err != nil {
			return err
		}
		if err := b.checkBytes("a member's data", len(m.Data)); err != nil {
			return err
		}
	}
	for _, m := range c.Messages {
		if err := b.checkBytes("a message", len(m)); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) checkName(what string, size int) error {
	return check(what, size, b.options.MaxKey, "MaxKey")
}

func (b *Broker) checkBytes(what string, size int) error {
	return check(what, size, b.options.MaxValue, "MaxValue")
}

func check(what string, size, most int, option string) error {
	if size <= most {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes, Options.%s is %d", broker.ErrTooLarge, what, size, option, most)
}

// brief is key for an error that may be about its length.
func brief(key broker.Key) broker.Key {
	const most = 64
	key.Namespace = key.Namespace[:min(len(key.Namespace), most)]
	key.Room = key.Room[:min(len(key.Room), most)]
	return key
}
