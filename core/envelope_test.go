package core_test

import (
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

func TestEnvelopes(t *testing.T) {
	for _, p := range []core.Publication{core.ToAll("x"), core.To("ann", map[string]int{"n": 1}), core.To("ä\x00", core.Message(`{"a": 1}`))} {
		b, err := core.EncodePublication("c1", p)
		if err != nil {
			t.Fatal(err)
		}
		d, err := core.DecodePublication(b)
		if err != nil || d.From != "c1" || d.All != p.All || d.To != p.To {
			t.Errorf("%+v became %+v, %v", p, d, err)
		}
		for n := range 5 { // cut off, in its head
			if d, err := core.DecodePublication(b[:n]); err == nil {
				t.Errorf("%q became %+v", b[:n], d)
			}
		}
		b[0]++ // of a later version
		if _, err := core.DecodePublication(b); err == nil || !strings.Contains(err.Error(), "update this instance") {
			t.Errorf("a message with another schema: %v", err)
		}
	}
	for _, p := range []core.Publication{{}, {All: true, To: "ann"}, core.To("", 1), core.ToAll(core.Message("{")), core.ToAll(core.Message("\"\xff\"")), core.ToAll(func() {})} {
		if b, err := core.EncodePublication("c1", p); err == nil {
			t.Errorf("%+v became %q", p, b)
		}
	}
	for _, data := range []string{`{"est":2,"data":1}`, `{"data":1}`, `1`, ``} {
		if s, err := core.DecodeMember([]byte(data)); err == nil {
			t.Errorf("member %s became %+v", data, s)
		}
	}
}

// A message that this build can't read is reported, and counts as missed.
func TestUnknownSchemaIsAGap(t *testing.T) {
	c := newCluster(integration(nil), 1)
	var lines []string
	c.print = func(line string) { lines = append(lines, line) }
	c.open(0, "a", core.Handshake{})
	c.send("a", `{"user":"ann","room":"r"}`)
	c.settle()
	c.commit("x", "r", core.Commit{N: 1, Any: true, Messages: [][]byte{{99, 1, 2}}})
	c.settle()
	if code := c.clients["a"].closed; code != core.CloseComeBack {
		t.Errorf("closed with %v", code)
	}
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "report message") {
		t.Errorf("nothing was reported:\n%s", all)
	}
}

// Identity and Room are functions of the application too.
func TestIdentityAndRoomThatPanic(t *testing.T) {
	for name, change := range map[string]func(in *core.Integration[who, room]){
		"Identity": func(in *core.Integration[who, room]) { in.Identity = func(core.Conn, who) string { panic("no") } },
		"Room":     func(in *core.Integration[who, room]) { in.Room = func(core.Conn, who) string { panic("no") } },
		"EncodeFailure": func(in *core.Integration[who, room]) {
			in.Identity = func(core.Conn, who) string { panic("no") }
			in.EncodeFailure = func(*core.Failure) any { panic("not even that") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := integration(nil)
			change(in)
			c := newCluster(in, 1)
			c.open(0, "a", core.Handshake{})
			c.send("a", `{"user":"ann","room":"r"}`)
			c.settle()
			a := c.clients["a"]
			want := `{"id":"auth","success":false,"error-code":1011,"errors":{"auth":"internal error"}}`
			if a.closed != core.CloseBug || len(a.got) != 1 || string(a.got[0]) != want || !a.gone {
				t.Errorf("got %s, closed with %v, gone: %v", a.got, a.closed, a.gone)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if err := integration(nil).Validate(); err != nil {
		t.Error(err)
	}
	err := core.Integration[who, room]{Name: "est:x"}.Validate()
	for _, want := range []string{"Authenticate is missing", "Identity is missing", "Room is missing", "Join is missing", "Receive is missing", "Leave is missing", `names that begin with "est:" are reserved`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if err := (core.Integration[who, room]{}).Validate(); !strings.Contains(err.Error(), "Name is missing") {
		t.Error(err)
	}
}

// What the store refuses for good, and not for its size, is a bug of ours: it
// ends the connection that it is about, and no other.
func TestRefusedForGood(t *testing.T) {
	c := newCluster(integration(nil), 1)
	for _, id := range []core.ConnID{"a", "b"} {
		c.open(0, id, core.Handshake{})
		c.send(id, `{"user":"ann","room":"r"}`)
		c.settle()
	}
	c.send("a", `{"echo":"x"}`)
	o := c.ops[0]
	c.answer(o, core.Refused{N: o.fx.(core.Commit).N, Reason: broker.ErrInvalid.Error()})
	c.settle()
	if a, b := c.clients["a"], c.clients["b"]; a.closed != core.CloseBug || !a.gone || b.closed != 0 {
		t.Errorf("a is closed with %v (gone: %v), b with %v", a.closed, a.gone, b.closed)
	}
}

// A failure without Errors has an empty object, which a client can look into.
func TestFailureWithoutErrors(t *testing.T) {
	in := integration(nil)
	in.Authenticate = func(core.Conn, core.Message) (w who, f *core.Failure) { return w, &core.Failure{Code: 7} }
	c := newCluster(in, 1)
	c.open(0, "a", core.Handshake{})
	c.send("a", "1")
	want := `{"id":"auth","success":false,"error-code":7,"errors":{}}`
	if got := c.clients["a"].got; len(got) != 1 || string(got[0]) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
