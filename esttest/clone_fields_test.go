package esttest

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/spinneyio/est/core"
)

// cloned says of each field of the cluster what a clone does with it, and what a
// mark does:
//
//	copied  the clone has its own
//	clipped both have the same array; to append to it makes another, and nothing in it changes
//	shared  both have the same, which never changes while they have it
//	marked  it is in the mark
//	apart   it is not: it follows from the rest, or makes no difference
//
// A new field fails [TestFieldsAreCloned] until it is named here.
var cloned = map[string]string{
	"sim.p": "shared apart", "sim.model": "shared apart", "sim.now": "copied marked", "sim.nodes": "copied marked",
	"sim.rooms": "copied marked", "sim.clients": "copied marked", "sim.conns": "copied marked", "sim.lates": "copied marked",
	"sim.foreign": "copied marked", "sim.effects": "clipped marked", "sim.still": "copied apart", "sim.allowed": "copied apart",
	"sim.failed": "copied apart", "sim.stats": "shared apart", "sim.changed": "copied apart", "sim.fx": "shared apart", "sim.lifeFx": "shared apart",
	"sim.expect": "copied apart", "sim.changes": "shared apart",
	"sim.tracing": "copied apart", "sim.steps": "copied apart", "sim.turns": "copied apart", "sim.split": "copied apart",
	"sim.scenes": "clipped apart",

	"sim.liveness": "copied marked", "sim.registry": "copied marked", "sim.rounds": "copied marked", "sim.debts": "copied marked",
	"sim.beaten": "copied apart", // the Lifes have it

	"actor.number": "copied marked", "actor.conn": "copied apart", "actor.lives": "copied marked",

	"conn.id": "copied apart", "conn.at": "copied apart", "conn.name": "copied marked", "conn.node": "copied marked", "conn.site": "copied marked",
	"conn.hello": "shared apart", "conn.opened": "copied marked", "conn.open": "copied marked", "conn.over": "copied marked",
	"conn.code": "copied marked", "conn.closing": "copied marked", "conn.sent": "copied marked", "conn.seen": "clipped marked",
	"conn.work": "copied marked", "conn.watch": "copied marked",

	"work.effect": "shared marked", "work.on": "copied marked", "work.done": "copied marked", "work.answer": "shared marked",

	"watch.crashed": "copied marked", "watch.member": "copied marked", "watch.room": "copied marked", "watch.identity": "copied marked",
	"watch.since": "copied marked", "watch.last": "copied marked", "watch.expect": "copied marked",
	"watch.fresh": "shared apart", // it matters within one commit only
	"watch.owed":  "clipped marked", "watch.mustClose": "copied marked", "watch.machine": "copied apart",

	"expected.at": "copied marked", "expected.to": "copied marked", "expected.maybe": "copied marked", "expected.text": "shared apart",

	"node.number": "copied marked", "node.life": "copied marked", "node.writer": "copied apart", "node.up": "copied marked",
	"node.paused": "copied marked", "node.away": "copied marked", "node.cut": "copied marked", "node.lobby": "copied marked",
	"node.sites": "copied marked", "node.after": "copied marked", "node.pulse": "copied marked",

	"site.n": "copied apart", "site.m": "shared marked", // see site.own
	"site.key": "copied marked", "site.ask": "copied marked", "site.link": "copied marked", "site.linked": "copied marked",
	"site.queue": "clipped marked", "site.given": "copied marked", "site.lost": "copied marked", "site.shared": "copied apart", "site.print": "shared apart",

	"site.writer": "copied marked", "site.list": "copied marked", "site.retired": "copied marked", "site.unsure": "copied marked",
	"site.orphans": "copied marked",

	"orphan.conn": "copied marked", "orphan.instance": "copied marked",

	"pulse.m":      "shared marked", // see pulse.own
	"pulse.chores": "copied marked", "pulse.inbox": "clipped apart", "pulse.shared": "copied apart", "pulse.print": "shared apart",

	"chore.fx": "shared marked", "chore.done": "copied marked", "chore.answer": "shared marked", "chore.orphans": "shared marked",

	"debt.writer": "copied marked", "debt.conn": "copied marked", "debt.effect": "shared marked",

	"op.kind": "copied marked", "op.fx": "shared apart", // the machine has it in its fingerprint
	"op.sent": "copied marked", "op.done": "copied marked", "op.answer": "shared marked", "op.deal": "copied marked",

	"deal.here": "shared apart", "deal.inside": "shared marked", "deal.applied": "copied marked",

	"late.inst": "copied marked", "late.room": "copied marked", "late.writer": "copied marked", "late.fx": "shared marked", "late.deal": "copied marked", "late.note": "shared marked",

	"record.key": "copied marked", "record.state": "shared marked", "record.log": "clipped apart", "record.past": "clipped marked",

	"ownRecord.key": "copied marked", "ownRecord.state": "shared marked", "ownRecord.read": "shared apart",

	"stateAt.after": "shared marked", "stateAt.value": "shared marked",
}

// Each field of the cluster and its parts is named above.
func TestFieldsAreCloned(t *testing.T) {
	named := map[string]bool{}
	for _, part := range []any{sim[sitter, seats]{}, actor[sitter, seats]{}, conn[sitter, seats]{}, work{}, watch[sitter]{}, expected{},
		node[sitter, seats]{}, site[sitter, seats]{}, op[sitter]{}, deal[sitter]{}, late[sitter]{}, record{}, ownRecord{}, stateAt{},
		orphan{}, pulse{}, chore{}, debt{}} {
		typ := reflect.TypeOf(part)
		for f := range typ.Fields() {
			name := shortName(typ) + "." + f.Name
			if named[name] = true; cloned[name] == "" {
				t.Errorf("%s: does a clone copy it, or share it? Is it in the mark?", name)
			}
		}
	}
	for name := range cloned {
		if !named[name] {
			t.Errorf("%s: there is no such field", name)
		}
	}
}

func shortName(typ reflect.Type) string {
	name, _, _ := strings.Cut(typ.Name(), "[")
	return name
}

// busy walks through runs in which all kinds of things wait, and calls look now and then.
func busy(t *testing.T, look func(s *sim[sitter, seats])) {
	for seed := range uint64(80) {
		in, m := seating(false), seated("ann")
		leave := in.Leave
		in.Leave = func(c core.Conn, s sitter, r seats) sitting {
			out := leave(c, s, r)
			out.Perform = []any{"left"}
			return out
		}
		in.Performed = func(core.Conn, sitter, seats, core.Performed) sitting { return sitting{} }
		x, err := newSearch(in, &m, Scope{Lives: 4, Instances: 3, Clients: 3, Faults: Faults{Kinds: allFaults}})
		if err != nil {
			t.Fatal(err)
		}
		x.p.deep = true
		r := rand.New(rand.NewPCG(seed, 3))
		sched := &weighted{r: r, weights: tuned}
		sched.weights[giveUp], sched.weights[forget], sched.weights[lapse] = 4, 16, 8
		s := x.sim()
		for n := range 80 {
			opts := s.options(nil)
			ch := opts[sched.choose(opts, s, 100)]
			if s.fill(&ch, r) {
				s.decide(ch)
			}
			if n%10 == 9 {
				look(s)
			}
		}
	}
}

// A clone does with each field what is said of it.
func TestCloneCopiesWhatItSays(t *testing.T) {
	w := &twins{t: t, met: map[string]bool{}}
	busy(t, func(s *sim[sitter, seats]) {
		w.is = map[uintptr]uintptr{}
		w.fields(reflect.ValueOf(s).Elem(), reflect.ValueOf(s.clone()).Elem())
	})
	for name, how := range cloned {
		if !strings.HasPrefix(how, "copied") || w.met[name] {
			continue
		}
		switch name {
		case "sim.failed", "sim.still", "sim.changed", "sim.tracing", "sim.turns", "sim.split", // not in such runs
			"deal.applied": // from then on it is shared
		default:
			t.Errorf("%s was never there: this test says nothing about it", name)
		}
	}
}

// twins walks an original and its clone.
type twins struct {
	t   *testing.T
	met map[string]bool     // fields that were not zero
	is  map[uintptr]uintptr // pointers of the original, in the clone
}

func (w *twins) fields(a, b reflect.Value) {
	typ := a.Type()
	for i := range typ.NumField() {
		name := shortName(typ) + "." + typ.Field(i).Name
		a, b := a.Field(i), b.Field(i)
		w.met[name] = w.met[name] || !a.IsZero()
		switch how, _, _ := strings.Cut(cloned[name], " "); {
		case empty(a) || empty(b):
			if name != "site.shared" && name != "pulse.shared" && empty(a) != empty(b) {
				w.t.Fatalf("%s: only one has it", name)
			}
		case how == "copied":
			w.copied(name, a, b)
		case how == "clipped":
			if a.Len() != b.Len() || a.Pointer() == b.Pointer() && b.Cap() > b.Len() {
				w.t.Fatalf("%s: %d in an array of %d, and the clone has %d", name, a.Len(), b.Cap(), b.Len())
			}
		case a.Kind() == reflect.Pointer && a.Pointer() != b.Pointer():
			w.t.Fatalf("%s is not shared", name)
		}
	}
}

func empty(v reflect.Value) bool { return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 }

func (w *twins) copied(name string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Interface:
		w.copied(name, a.Elem(), b.Elem())
	case reflect.Pointer:
		if a.Type() == reflect.TypeFor[*deal[sitter]]() && (*deal[sitter])(a.UnsafePointer()).applied {
			return // it never changes again
		}
		was, known := w.is[a.Pointer()]
		switch {
		case a.Pointer() == b.Pointer():
			w.t.Fatalf("%s: the clone has the same one", name)
		case known && was != b.Pointer():
			w.t.Fatalf("%s: what is one is two in the clone", name)
		default:
			w.is[a.Pointer()] = b.Pointer()
			if !known {
				w.fields(a.Elem(), b.Elem())
			}
		}
	case reflect.Struct:
		if cloned[shortName(a.Type())+"."+a.Type().Field(0).Name] != "" {
			w.fields(a, b)
		} else if !a.Equal(b) {
			w.t.Fatalf("%s: %v, and the clone has %v", name, a, b)
		}
	case reflect.Slice:
		if a.Len() != b.Len() || a.Len() > 0 && a.Pointer() == b.Pointer() {
			w.t.Fatalf("%s: the clone has the same array, or another length", name)
		}
		for i := range a.Len() {
			w.copied(name, a.Index(i), b.Index(i))
		}
	case reflect.Map:
		if a.Len() != b.Len() || a.Len() > 0 && a.Pointer() == b.Pointer() {
			w.t.Fatalf("%s: the clone has the same map, or another length", name)
		}
	default:
		if !a.Equal(b) {
			w.t.Fatalf("%s: %v, and the clone has %v", name, a, b)
		}
	}
}

// A mark changes with each number, text and flag that is said to be in it.
func TestMarkHasWhatItSays(t *testing.T) {
	in := map[string]bool{}
	busy(t, func(s *sim[sitter, seats]) {
		c := s.clone()
		was := markOf(c)
		visit(reflect.ValueOf(c).Elem(), map[uintptr]bool{}, func(name string, v reflect.Value) {
			if in[name] || !strings.HasSuffix(cloned[name], " marked") {
				return
			}
			old := reflect.New(v.Type()).Elem()
			old.Set(v)
			switch v.Kind() {
			case reflect.Bool:
				v.SetBool(!v.Bool())
			case reflect.String:
				v.SetString(v.String() + "!")
			case reflect.Uint8, reflect.Uint16, reflect.Uint64:
				v.SetUint(v.Uint() + 1)
			case reflect.Int:
				v.SetInt(v.Int() + 1)
			default:
				in[name] = true // what is in it is looked at by itself, or by TestSameMarkSameFuture
			}
			if !in[name] {
				in[name] = markOf(c) != was
				v.Set(old)
			}
		})
	})
	for name, how := range cloned {
		if strings.HasSuffix(how, " marked") && !in[name] {
			t.Errorf("%s makes no difference to the mark", name)
		}
	}
}

// visit calls f with each field of a cluster, so that it can be changed.
func visit(v reflect.Value, met map[uintptr]bool, f func(name string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Elem().CanAddr() && !met[v.Pointer()] {
			met[v.Pointer()] = true
			visit(v.Elem(), met, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), met, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := shortName(v.Type()) + "." + v.Type().Field(i).Name
			if cloned[name] != "" {
				at := reflect.NewAt(v.Field(i).Type(), v.Field(i).Addr().UnsafePointer()).Elem()
				f(name, at)
				visit(at, met, f)
			}
		}
	}
}
