package conformance

import (
	"fmt"
	"reflect"

	"github.com/spinneyio/est/broker"
)

// want gives up unless got is want.
func (c *trial) want(what string, got, want any) {
	if same(got, want) {
		return
	}
	expected, happened := c.show(want), c.show(got)
	switch x := got.(type) {
	case []broker.Member:
		c.wantMembers(what, x, want.([]broker.Member))
	case string:
		happened = difference(x, want.(string))
	case []byte:
		if x != nil {
			happened = difference(string(x), string(want.([]byte)))
		}
	}
	if expected == happened {
		happened += ", but for what is too long to be shown"
	}
	c.fatal(fmt.Sprintf("%s is %s", what, expected), "it is "+happened)
}

// wantMembers gives up with the first member that is another one.
func (c *trial) wantMembers(what string, got, want []broker.Member) {
	for i := range max(len(got), len(want)) {
		expected, happened := "not there", "not there"
		switch {
		case i >= len(want):
			happened = c.show(got[i])
		case i >= len(got):
			expected = c.show(want[i])
		case same(got[i:i+1], want[i:i+1]):
			continue
		default:
			expected = c.show(want[i])
			happened = difference(got[i].ID, want[i].ID) + " = " + difference(string(got[i].Data), string(want[i].Data))
		}
		c.fatal(fmt.Sprintf("number %d of %s, which has %d, is %s", i+1, what, len(want), expected), fmt.Sprintf("it is %s; there are %d", happened, len(got)))
	}
}

// same says whether two things are alike, but for what a store need not tell apart:
// nil and empty, of lists of members and of their data.
func same(a, b any) bool { return reflect.DeepEqual(plain(a), plain(b)) }

// plain is x with those made alike.
func plain(x any) any {
	switch x := x.(type) {
	case broker.Record:
		x.Members = plain(x.Members).([]broker.Member)
		return x
	case *broker.Conflict:
		return broker.Conflict{Record: plain(x.Record).(broker.Record), Gone: append([]string{}, x.Gone...)}
	case []broker.Member:
		members := []broker.Member{}
		for _, m := range x {
			members = append(members, broker.Member{ID: m.ID, Data: append([]byte{}, m.Data...)})
		}
		return members
	}
	return x
}
