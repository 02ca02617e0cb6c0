package redis

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/spinneyio/est/broker"
)

// names are what a room is called in Redis. All have the same hash tag, so in a
// cluster they are on one node, and one script may touch them.
type names struct {
	record, members, recent, older, topic string
}

func (b *Broker) names(key broker.Key) names {
	p, tag := b.options.Prefix, ":{"+escape(key.Namespace, "%{}:")+":"+escape(key.Room, "%{}")+"}"
	all := p + ":r" + tag + p + ":m" + tag + p + ":w" + tag + p + ":o" + tag + p + ":c" + tag // one allocation
	n := len(all) / 5
	return names{all[:n], all[n : 2*n], all[2*n : 3*n], all[3*n : 4*n], all[4*n:]}
}

// nameOf is what a commit is called; so are an epoch that it begins and a version that
// it writes. There is no space in it.
func nameOf(id broker.CommitID, number string) string {
	return escape(id.Writer, "% ") + "-" + number
}

// idOf is the commit that is called so.
func idOf(name string) (id broker.CommitID, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return id, false
	}
	writer, err := url.PathUnescape(name[:dash])
	if err != nil {
		return id, false
	}
	number, err := strconv.ParseUint(name[dash+1:], 10, 64)
	return broker.CommitID{Writer: writer, N: number}, err == nil
}

// escape writes the bytes in special, one of which is %, as %25, %7B, …, so that text
// fits into a name, and differs whatever text it is: in a hash tag, the first colon is
// where the namespace ends.
func escape(text, special string) string {
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
