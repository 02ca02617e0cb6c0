package zoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

// The people of these tests: ann has two devices.
var (
	ann1 = seat{Conn: "a1", User: "ann", Host: true}
	ann2 = seat{Conn: "a2", User: "ann"}
	bob  = seat{Conn: "b", User: "bob"}
)

func (s seat) hosting() seat { s.Host = true; return s }
func (s seat) resting() seat { s.Host = false; return s }
func (s seat) ready() seat   { s.Ready = true; return s }

func TestPresence(t *testing.T) {
	in := presenceIntegration()
	me := func(s seat) guest { return guest{User: s.User, Room: "hall"} }
	changed := func(s seat, what string, seats ...seat) presenceOutcome { return change(me(s), seats, what) }
	left := func(s seat, seats ...seat) presenceOutcome {
		return presenceOutcome{Room: core.Put(party{seats}), Publish: []core.Publication{core.ToAll(news{"left", s.User})}}
	}
	join := func(s seat, room party) presenceOutcome { return in.Join(core.Conn{ID: s.Conn}, me(s), room) }
	leave := func(s seat, room party) presenceOutcome { return in.Leave(core.Conn{ID: s.Conn}, me(s), room) }
	do := func(s seat, room party, msg string) presenceOutcome {
		return in.Receive(core.Conn{ID: s.Conn}, me(s), room, core.Message(msg))
	}
	all := func(seats ...seat) party { return party{seats} }

	for _, tt := range []struct {
		name      string
		got, want presenceOutcome
	}{
		{"the first one is host", join(ann1, all()), presenceOutcome{
			Data:    core.Put(guest{"ann", "hall", []seat{ann1}}),
			Room:    core.Put(all(ann1)),
			Reply:   view{news{"joined", "ann"}, []seat{ann1}},
			Publish: []core.Publication{core.ToAll(news{"joined", "ann"})},
		}},
		{"the second one is not", join(bob, all(ann1)), changed(bob, "joined", ann1, bob)},
		{"full", join(seat{Conn: "c", User: "cat"}, all(ann1, bob)), presenceOutcome{Fail: refusal("full")}},
		{"full, but she is there already", join(ann2, all(ann1, bob)), changed(ann2, "joined", ann1, bob, ann2)},

		{"the last one leaves", leave(ann1, all(ann1)), presenceOutcome{Room: core.Delete[party]()}},
		{"the host leaves", leave(ann1, all(ann1, ann2, bob)), left(ann1, ann2.hosting(), bob)},
		{"another one leaves", leave(ann2, all(ann1, ann2, bob)), left(ann2, ann1, bob)},
		{"one leaves who has no seat", leave(ann2, all(ann1)), presenceOutcome{}},
		{"one leaves and there is nothing", leave(ann2, all()), presenceOutcome{}},

		{"ready", do(bob, all(ann1, bob), `{"op":"ready"}`), changed(bob, "ready", ann1, bob.ready())},
		{"pass", do(ann1, all(ann1, bob), `{"op":"pass","to":"bob"}`), changed(ann1, "passed", ann1.resting(), bob.hosting())},
		{"pass to oneself", do(ann1, all(ann1, bob), `{"op":"pass","to":"ann"}`), changed(ann1, "passed", ann1, bob)},
		{"pass what is not yours", do(bob, all(ann1, bob), `{"op":"pass","to":"bob"}`), presenceOutcome{Fail: complaint("not yours to pass, or nobody to pass it to")}},
		{"wave to all", do(bob, all(ann1, bob), `{"op":"wave"}`), presenceOutcome{Publish: []core.Publication{core.ToAll(news{"wave", "bob"})}}},
		{"wave", do(bob, all(ann1, bob), `{"op":"wave","to":"ann"}`), presenceOutcome{Publish: []core.Publication{core.To("ann", news{"wave", "bob"})}}},
		{"nonsense", do(bob, all(ann1, bob), `7`), presenceOutcome{Fail: complaint("not an object")}},
		{"taken for dead", do(bob, all(ann1), `{"op":"ready"}`), presenceOutcome{Close: core.CloseComeBack}},

		{"resync shows all", in.Resync(core.Conn{ID: "b"}, me(bob), all(ann1, bob)), presenceOutcome{
			Data: core.Put(guest{"bob", "hall", []seat{ann1, bob}}), Reply: view{nil, []seat{ann1, bob}}}},
		{"and stores it once", in.Resync(core.Conn{ID: "b"}, guest{"bob", "hall", []seat{ann1, bob}}, all(ann1, bob)),
			presenceOutcome{Reply: view{nil, []seat{ann1, bob}}}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
