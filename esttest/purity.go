package esttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spinneyio/est/core"
)

// What is looked at when a function has answered: whether it is pure, leaves alone
// what it was given, and gives what can be stored.

// often is how often a function is called again where chance must show: the order
// of a map of two is the same by chance as often as not.
const often = 12

// twice runs a function on two copies of the same arguments, and compares.
func (p *probe[C, R]) twice(x *call, conn core.Conn, data C, room R, msg core.Message, f func(core.Conn, C, R) core.Outcome[C, R]) core.Outcome[C, R] {
	name := phases[x.phase]
	dataIn, roomIn := encode(data), encode(room)
	msgIn := string(msg)
	var data2 C
	var room2 R
	unread := json.Unmarshal(dataIn, &data2) != nil || json.Unmarshal(roomIn, &room2) != nil
	out := f(conn, data, room)
	if unread || !reflect.DeepEqual(data, data2) {
		p.unchanged(name, "connection data", conn, dataIn, encode(data))
	}
	if unread || !reflect.DeepEqual(room, room2) {
		p.unchanged(name, "the room state", conn, roomIn, encode(room))
	}
	if msgIn != string(msg) {
		p.s.fail("mutation", "%s of %s changed the message that it was given: %s became %s", name, conn.ID, msgIn, msg)
	}
	if unread {
		return out // the codec check tells
	}
	put, err := encodePut(out)
	bad := p.invalid(x.phase, conn, data2, out, err)
	if bad != "" { // the same data twice may be what made it so
		defer func(n int) { p.repeat = n }(p.repeat)
		p.repeat = often
		p.ask("Room", conn, data2, p.user.Room)
	}
	for range p.repeat {
		if again := f(conn, data2, room2); !reflect.DeepEqual(out, again) {
			if a, b := encodeOutcome(out), encodeOutcome(again); !bytes.Equal(a, b) {
				p.s.failWith("purity", diffJSON(a, b), "%s of %s answered differently when it was called again with the same arguments", name, conn.ID)
				break
			}
		}
	}
	if bad != "" {
		p.s.fail("outcome", "%s of %s: %s", name, conn.ID, bad)
	}
	x.in, x.out = roomIn, roomIn
	switch out.Room.Op {
	case core.OpPut:
		x.out = put.room
		roundTrip(p.s, name, "the room state", conn, out.Room.Value, put.room)
	case core.OpDelete:
		x.out = nil
	}
	if out.Data.Op == core.OpPut {
		roundTrip(p.s, name, "connection data", conn, out.Data.Value, put.data)
	}
	return out
}

// encode is v as JSON; nil where it can't be, which the outcome check tells.
func encode(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func (p *probe[C, R]) unchanged(name, what string, conn core.Conn, before, after []byte) {
	if !bytes.Equal(before, after) {
		p.s.failWith("mutation", diffJSON(before, after), "%s of %s changed %s that it was given: copy it first (maps.Clone, slices.Clone)", name, conn.ID, what)
	}
}

// encodeOutcome is an outcome as JSON, as far as that goes.
func encodeOutcome[C, R any](out core.Outcome[C, R]) []byte {
	b, err := marshal(out)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// encodedPut is what an outcome puts, as JSON; nil where it puts nothing.
type encodedPut struct{ data, room []byte }

// encodePut encodes it, and looks whether the reply can be encoded too.
func encodePut[C, R any](out core.Outcome[C, R]) (put encodedPut, err error) {
	if out.Data.Op == core.OpPut {
		put.data, err = marshal(out.Data.Value)
	}
	if err == nil && out.Room.Op == core.OpPut {
		put.room, err = marshal(out.Room.Value)
	}
	if err == nil && out.Reply != nil {
		_, err = marshal(out.Reply)
	}
	return put, err
}

// roundTrip looks whether JSON keeps v as it is: b is v as JSON, nil if it can't be.
func roundTrip[C, R, T any](s *sim[C, R], name, what string, conn core.Conn, v T, b []byte) {
	if b == nil {
		return // the outcome check tells
	}
	var back T
	if err := json.Unmarshal(b, &back); err != nil {
		s.fail("codec", "%s of %s put %s that can't be read back: %v", name, conn.ID, what, err)
		return
	}
	if reflect.DeepEqual(v, back) {
		return
	}
	if diff := cmp.Diff(v, back, cmpopts.EquateEmpty(), everything); diff != "" {
		s.failWith("codec", diff, "%s of %s put %s that comes back different from the store, where it is JSON (-put +read back)", name, conn.ID, what)
	}
}

// everything has go-cmp look into unexported fields.
var everything = cmp.Exporter(func(reflect.Type) bool { return true })

// diffJSON is what differs between two JSON texts.
func diffJSON(a, b []byte) string {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return cmp.Diff(string(a), string(b))
	}
	return cmp.Diff(x, y)
}

// invalid says what is wrong with an outcome. A machine would report it too, but
// only after the commit. unencodable says why what it puts or replies can't be JSON.
func (p *probe[C, R]) invalid(ph phase, conn core.Conn, data C, out core.Outcome[C, R], unencodable error) (bad string) {
	if out.Data.Op == core.OpPut {
		data = out.Data.Value
	}
	site := p.s.connOf(conn.ID).site
	switch {
	case out.Room.Op > core.OpDelete || out.Data.Op > core.OpDelete:
		bad = "a Change with an unknown Op: use Put or Delete"
	case site != nil && site.key == "" && (out.Room.Op != core.Keep || len(out.Publish) > 0):
		bad = "a Room change or Publish without a room"
	case ph == leaving: // whose other fields don't count
	case out.Data.Op == core.OpDelete:
		bad = "Delete as Data: connection data lives as long as its connection"
	case out.Reply != nil && out.Fail != nil:
		bad = "both Reply and Fail"
	case out.Close == core.CloseLost, out.Close != 0 && out.Close.Reason() == "" && (out.Close < 4000 || out.Close > 4999):
		bad = fmt.Sprintf("Close %d: use 4000–4999, or one of the table at core.CloseCode but 1006", uint16(out.Close))
	case ph == joining && out.Fail == nil && site != nil && p.user.Room(conn, data) != site.key:
		bad = fmt.Sprintf("Join decided on data whose Room is %q: a Join may not move the connection on", p.user.Room(conn, data))
	}
	for _, pub := range out.Publish {
		if _, err := core.EncodePublication(conn.ID, pub); err != nil && bad == "" {
			bad = err.Error()
		}
	}
	if unencodable != nil && bad == "" {
		bad = unencodable.Error()
	}
	return bad
}

// marshal is v as JSON. A MarshalJSON that panics is an error.
func marshal(v any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return json.Marshal(v)
}
