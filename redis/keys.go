package redis

import (
	"strings"

	"github.com/spinneyio/est/broker"
)

// names are what a room is called in Redis. All have the same hash tag, so in a
// cluster they are on one node, and one script may touch them.
type names struct {
	record, members, recent, older, topic string
}

func (b *Broker) names(key broker.Key) names {
	p, tag := b.options.Prefix, ":{"+escape(key.Namespace, true)+":"+escape(key.Room, false)+"}"
	all := p + ":r" + tag + p + ":m" + tag + p + ":w" + tag + p + ":o" + tag + p + ":c" + tag // one allocation
	n := len(all) / 5
	return names{all[:n], all[n : 2*n], all[2*n : 3*n], all[3*n : 4*n], all[4*n:]}
}

// escape makes text fit into a hash tag, and differ whatever text it is: the
// first colon in the tag is where the namespace ends.
func escape(text string, colons bool) string {
	special := "%{}"
	if colons {
		special = "%{}:"
	}
	if !strings.ContainsAny(text, special) {
		return text
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; strings.IndexByte(special, c) >= 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
