package memory

import (
	"fmt"

	"github.com/spinneyio/est/broker"
)

func (o *Options) checkKey(key broker.Key) error {
	return o.checkName("the key", len(key.Namespace)+len(key.Room))
}

func (o *Options) checkSizes(key broker.Key, c broker.Commit) error {
	if err := o.checkKey(key); err != nil {
		return err
	}
	if err := o.checkName("the writer", len(c.ID.Writer)); err != nil {
		return err
	}
	if err := o.checkBytes("the value", len(c.Value.Value)); err != nil {
		return err
	}
	for _, m := range c.Members {
		if err := o.checkName("a member's ID", len(m.ID)); err != nil {
			return err
		}
		if err := o.checkBytes("a member's data", len(m.Data)); err != nil {
			return err
		}
	}
	for _, m := range c.Messages {
		if err := o.checkBytes("a message", len(m)); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkName(what string, size int) error {
	return check(what, size, o.MaxKey, "MaxKey")
}

func (o *Options) checkBytes(what string, size int) error {
	return check(what, size, o.MaxValue, "MaxValue")
}

func check(what string, size, most int, option string) error {
	if size <= most {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes, Options.%s is %d", broker.ErrTooLarge, what, size, option, most)
}

// brief is key for an error about one that may be too long.
func brief(key broker.Key) broker.Key {
	const most = 64
	key.Namespace = key.Namespace[:min(len(key.Namespace), most)]
	key.Room = key.Room[:min(len(key.Room), most)]
	return key
}
