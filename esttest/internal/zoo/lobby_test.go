package zoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestLobby(t *testing.T) {
	in := lobbyIntegration()
	at := func(user, table string) player { return player{user, table} }
	all := func(dealer core.ConnID, pairs ...string) table {
		players := map[string]core.ConnID{}
		for i := 0; i < len(pairs); i += 2 {
			players[pairs[i]] = core.ConnID(pairs[i+1])
		}
		return table{players, dealer}
	}
	sit := func(id core.ConnID, user string, room table) lobbyOutcome {
		return in.Join(core.Conn{ID: id}, at(user, "t1"), room)
	}
	stand := func(id core.ConnID, user string, room table) lobbyOutcome {
		return in.Leave(core.Conn{ID: id}, at(user, "t1"), room)
	}
	play := func(id core.ConnID, me player, room table, msg string) lobbyOutcome {
		return in.Receive(core.Conn{ID: id}, me, room, core.Message(msg))
	}
	hear := func(id core.ConnID, user string, room table, body string) lobbyOutcome {
		return in.Deliver(core.Conn{ID: id}, at(user, "t1"), room, core.Delivery{Body: core.Message(body)})
	}
	seated := func(room table, user string, users []string, more ...core.Publication) lobbyOutcome {
		return lobbyOutcome{Room: core.Put(room), Reply: say{"seated", "", "t1", users},
			Publish: append([]core.Publication{core.ToAll(say{ID: "came", User: user})}, more...)}
	}
	left := func(room table, user string) lobbyOutcome {
		return lobbyOutcome{Room: core.Put(room), Publish: []core.Publication{core.ToAll(say{ID: "left", User: user})}}
	}
	gone := lobbyOutcome{Room: core.Delete[table]()}
	trump := core.To("ann", say{ID: "trump"})
	both := all("a", "ann", "a", "bob", "b")

	for _, tt := range []struct {
		name      string
		got, want lobbyOutcome
	}{
		{"the first one deals", sit("a", "ann", table{}), seated(all("a", "ann", "a"), "ann", []string{"ann"})},
		{"the second one does not", sit("b", "bob", all("a", "ann", "a")), seated(both, "bob", []string{"ann", "bob"})},
		{"the dealer comes again", sit("a2", "ann", both), seated(all("a2", "ann", "a2", "bob", "b"), "ann", []string{"ann", "bob"}, trump)},
		{"at no table", in.Join(core.Conn{ID: "a"}, at("ann", ""), table{}), lobbyOutcome{Reply: say{ID: "seated"}}},

		{"the dealer leaves", stand("a", "ann", both), left(all("b", "bob", "b"), "ann")},
		{"another one leaves", stand("b", "bob", both), left(all("a", "ann", "a"), "bob")},
		{"the last one leaves", stand("a", "ann", all("a", "ann", "a")), gone},
		{"one leaves who was trumped", stand("a", "ann", all("a2", "ann", "a2")), lobbyOutcome{}},
		{"and there is nothing any more", stand("a", "ann", table{}), lobbyOutcome{}},

		{"go", play("a", at("ann", "t1"), both, `{"go":"T2"}`), lobbyOutcome{Data: core.Put(at("ann", "t2")), Reply: say{ID: "moved", Table: "t2"}}},
		{"go from no table", play("a", at("ann", ""), table{}, `{"go":"t1"}`), lobbyOutcome{Data: core.Put(at("ann", "t1")), Reply: say{ID: "moved", Table: "t1"}}},
		{"go after being trumped", play("a", at("ann", "t1"), all("a2", "ann", "a2"), `{"go":"t2"}`), trumped()},
		{"deal", play("a", at("ann", "t1"), both, `{"deal":true}`), lobbyOutcome{Publish: []core.Publication{core.ToAll(say{ID: "card", User: "ann"})}}},
		{"deal as another one", play("b", at("bob", "t1"), both, `{"deal":true}`), lobbyOutcome{Fail: complaint("go or deal, if you are the dealer")}},

		{"hear", hear("b", "bob", both, `{"id":"card"}`), lobbyOutcome{Reply: core.Message(`{"id":"card"}`)}},
		{"hear the trump", hear("a", "ann", all("a2", "ann", "a2"), `{"id":"trump"}`), trumped()},
		{"hear it late", hear("a", "ann", table{}, `{"id":"trump"}`), trumped()},
		{"hear it with the seat", hear("a", "ann", both, `{"id":"trump"}`), lobbyOutcome{}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEnter(t *testing.T) {
	me, fail := enter(core.Conn{}, core.Message(`{"user":"ann","table":"T1"}`))
	if want := (player{"ann", "t1"}); me != want || fail != nil {
		t.Errorf("got %v and %v, want %v", me, fail, want)
	}
	if _, fail := enter(core.Conn{}, core.Message(`{"table":"t1"}`)); fail == nil {
		t.Error("somebody without a name was let in")
	}
}
