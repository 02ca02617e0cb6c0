package esttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spinneyio/est/core"
)

// probe is the integration with everything seen that its functions are asked and
// answer. One sim at a time uses it.
type probe[C, R any] struct {
	user core.Integration[C, R] // as the user wrote it
	seen core.Integration[C, R] // the same, watched: what the machines run

	disabled map[string]bool // checks
	habits   habits          // of the integration
	repeat   int             // how often a function is called again, if deep
	deep     bool            // also run each function twice, and look at what JSON does to its values

	s     *sim[C, R] // whose machine is being stepped
	calls []call     // of its step
	slab  []call     // of earlier ones
}

// often is how often a function is called again where chance must show: the order
// of a map of two is the same by chance as often as not.
const often = 12

// call is one run of a transition function.
type call struct {
	phase   phase
	conn    core.ConnID
	at      core.Position // delivering: of the message
	to      string        // delivering: whom it is for
	perform []any
	closes  bool
	drafted bool // an earlier transition of the same step has changed the state
	op      core.Op
	in, out []byte // the room's state before and after, if deep; nil where absent after
}

// phase is which of the functions is run.
type phase uint8

const (
	authenticating phase = iota
	joining
	receiving
	delivering
	resyncing
	performing
	leaving
	phaseCount
)

var phases = [phaseCount]string{"Authenticate", "Join", "Receive", "Deliver", "Resync", "Performed", "Leave"}

// deal is what was decided in one step of a machine.
type deal[C any] struct {
	here    []call // released with the step
	inside  []call // held until the commit has taken place
	applied bool   // it has
}

func newProbe[C, R any](in core.Integration[C, R], disable []string) *probe[C, R] {
	p := &probe[C, R]{user: in, seen: in, disabled: map[string]bool{}, habits: newHabits(), repeat: 1}
	for _, name := range disable {
		p.disabled[name] = true
	}
	p.seen.Authenticate = p.authenticate
	p.seen.Identity = func(conn core.Conn, data C) string { return p.ask("Identity", conn, data, in.Identity) }
	p.seen.Room = func(conn core.Conn, data C) string { return p.ask("Room", conn, data, in.Room) }
	p.seen.Join = func(conn core.Conn, data C, room R) core.Outcome[C, R] {
		return p.transition(call{phase: joining}, conn, data, room, nil, in.Join)
	}
	p.seen.Receive = func(conn core.Conn, data C, room R, msg core.Message) core.Outcome[C, R] {
		return p.transition(call{phase: receiving}, conn, data, room, msg, func(conn core.Conn, data C, room R) core.Outcome[C, R] {
			return in.Receive(conn, data, room, msg)
		})
	}
	p.seen.Leave = func(conn core.Conn, data C, room R) core.Outcome[C, R] {
		return p.transition(call{phase: leaving}, conn, data, room, nil, in.Leave)
	}
	if in.Deliver != nil {
		p.seen.Deliver = func(conn core.Conn, data C, room R, d core.Delivery) core.Outcome[C, R] {
			x := call{phase: delivering, at: p.s.logged(d.Body).at, to: d.To}
			return p.transition(x, conn, data, room, d.Body, func(conn core.Conn, data C, room R) core.Outcome[C, R] {
				return in.Deliver(conn, data, room, d)
			})
		}
	}
	if in.Resync != nil {
		p.seen.Resync = func(conn core.Conn, data C, room R) core.Outcome[C, R] {
			return p.transition(call{phase: resyncing}, conn, data, room, nil, in.Resync)
		}
	}
	if in.Performed != nil {
		p.seen.Performed = func(conn core.Conn, data C, room R, a core.Performed) core.Outcome[C, R] {
			return p.transition(call{phase: performing}, conn, data, room, a.Result, func(conn core.Conn, data C, room R) core.Outcome[C, R] {
				return in.Performed(conn, data, room, a)
			})
		}
	}
	return p
}

// logged finds the message with this body in its room's log.
func (s *sim[C, R]) logged(body core.Message) logged {
	where := unsafe.SliceData(body)
	for _, r := range s.rooms {
		if l, ok := r.log[where]; ok {
			return l
		}
	}
	return logged{}
}

// begin starts a step of a machine of s.
func (p *probe[C, R]) begin(s *sim[C, R]) {
	p.s, p.calls = s, p.calls[:0]
}

// end sorts what was called during a step: what the commit that ends it holds, and
// what was released at once. nil if nothing was called and nothing is committed.
func (p *probe[C, R]) end(fx []core.Effect) *deal[C] {
	var held *core.Commit
	for _, fx := range fx {
		if c, ok := fx.(core.Commit); ok {
			held = &c
		}
	}
	switch {
	case held == nil && len(p.calls) == 0:
		return nil
	case held == nil:
		return &deal[C]{here: p.kept()}
	}
	calls, k := p.kept(), heldFrom(p.calls, held.Causes)
	return &deal[C]{here: calls[:k:k], inside: calls[k:]}
}

// kept is a copy of the calls. Many of them share their memory.
func (p *probe[C, R]) kept() []call {
	if cap(p.slab)-len(p.slab) < len(p.calls) {
		p.slab = make([]call, 0, max(64, len(p.calls)))
	}
	n := len(p.slab)
	p.slab = append(p.slab, p.calls...)
	return p.slab[n:len(p.slab):len(p.slab)]
}

// heldFrom is the index of the first call that a commit with these causes holds.
// The batch that was committed is the last one that was decided; those before it
// had deliveries only, and were released at once. A delivery is one call, another
// transition is none (a hello), one, or two (it leaves its room).
func heldFrom(calls []call, causes []core.Cause) int {
	k := len(calls)
	for i := len(causes) - 1; i >= 0; i-- {
		if causes[i].At.Seq > 0 {
			k--
			continue
		}
		for k > 0 && calls[k-1].phase != delivering && calls[k-1].conn == causes[i].Conn {
			k--
		}
	}
	return max(k, 0)
}

// transition runs one of the functions.
func (p *probe[C, R]) transition(x call, conn core.Conn, data C, room R, msg core.Message, f func(core.Conn, C, R) core.Outcome[C, R]) core.Outcome[C, R] {
	x.conn = conn.ID
	p.s.stats.Calls[x.phase]++
	if conn.Retried {
		p.s.stats.Retried++
	}
	defer p.panicked(phases[x.phase], conn)
	var out core.Outcome[C, R]
	if p.deep {
		out = p.twice(&x, conn, data, room, msg, f)
	} else {
		out = f(conn, data, room)
	}
	x.perform, x.closes, x.op = out.Perform, out.Close != 0 && x.phase != leaving || x.phase == joining && out.Fail != nil, out.Room.Op
	if n := len(p.calls); n > 0 {
		x.drafted = p.calls[n-1].drafted || p.calls[n-1].op != core.Keep
	}
	p.calls = append(p.calls, x)
	p.count(out)
	return out
}

func (p *probe[C, R]) count(out core.Outcome[C, R]) {
	st := p.s.stats
	if out.Fail != nil {
		st.Failures++
	}
	st.Published += len(out.Publish)
	st.Effects += len(out.Perform)
}

// panicked takes notice of a panic, and passes it on to the machine.
func (p *probe[C, R]) panicked(what string, conn core.Conn) {
	v := recover()
	if v == nil {
		return
	}
	if p.s.failed == nil {
		p.s.fail("panic", "%s of %s panicked: %v%s", what, conn.ID, v, where())
	}
	panic(v)
}

// where is the place that panicked.
func where() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && !strings.Contains(f.Function, "est/esttest.") || strings.HasSuffix(f.File, "_test.go") {
			return fmt.Sprintf(" (%s:%d)", path.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// twice runs a function on two copies of the same arguments, and compares.
func (p *probe[C, R]) twice(x *call, conn core.Conn, data C, room R, msg core.Message, f func(core.Conn, C, R) core.Outcome[C, R]) core.Outcome[C, R] {
	name := phases[x.phase]
	dataIn, roomIn := p.encode(name, data), p.encode(name, room)
	msgIn := string(msg)
	out := f(conn, data, room)
	p.unchanged(name, "connection data", conn, dataIn, data)
	p.unchanged(name, "the room state", conn, roomIn, room)
	if msgIn != string(msg) {
		p.s.fail("mutation", "%s of %s changed the message that it was given: %s became %s", name, conn.ID, msgIn, msg)
	}
	var data2 C
	var room2 R
	if json.Unmarshal(dataIn, &data2) != nil || json.Unmarshal(roomIn, &room2) != nil {
		return out // the codec check tells
	}
	bad := p.invalid(x.phase, conn, data2, out)
	if bad != "" { // the same data twice may be what made it so
		defer func(n int) { p.repeat = n }(p.repeat)
		p.repeat = often
		p.ask("Room", conn, data2, p.user.Room)
	}
	for range p.repeat {
		if again := f(conn, data2, room2); !reflect.DeepEqual(out, again) {
			if a, b := p.encodeOutcome(out), p.encodeOutcome(again); !bytes.Equal(a, b) {
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
		x.out = roundTrip(p.s, name, "the room state", conn, out.Room.Value)
	case core.OpDelete:
		x.out = nil
	}
	if out.Data.Op == core.OpPut {
		roundTrip(p.s, name, "connection data", conn, out.Data.Value)
	}
	return out
}

// encode is v as JSON; nil where it can't be, which the outcome check tells.
func (p *probe[C, R]) encode(_ string, v any) []byte {
	b, err := marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func (p *probe[C, R]) unchanged(name, what string, conn core.Conn, before []byte, v any) {
	if after := p.encode(name, v); !bytes.Equal(before, after) {
		p.s.failWith("mutation", diffJSON(before, after), "%s of %s changed %s that it was given: copy it first (maps.Clone, slices.Clone)", name, conn.ID, what)
	}
}

// encodeOutcome is an outcome as JSON, as far as that goes.
func (p *probe[C, R]) encodeOutcome(out core.Outcome[C, R]) []byte {
	b, err := marshal(out)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// roundTrip looks whether JSON keeps v as it is, and returns it as JSON.
func roundTrip[C, R, T any](s *sim[C, R], name, what string, conn core.Conn, v T) []byte {
	b, err := marshal(v)
	if err != nil {
		return nil // the outcome check tells
	}
	var back T
	if err := json.Unmarshal(b, &back); err != nil {
		s.fail("codec", "%s of %s put %s that can't be read back: %v", name, conn.ID, what, err)
		return b
	}
	if reflect.DeepEqual(v, back) {
		return b
	}
	if diff := cmp.Diff(v, back, cmpopts.EquateEmpty(), everything); diff != "" {
		s.failWith("codec", diff, "%s of %s put %s that comes back different from the store, where it is JSON (-put +read back)", name, conn.ID, what)
	}
	return b
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
// only after the commit.
func (p *probe[C, R]) invalid(ph phase, conn core.Conn, data C, out core.Outcome[C, R]) (bad string) {
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
	for _, v := range []any{out.Data.Value, out.Room.Value, out.Reply} {
		if _, err := marshal(v); err != nil && bad == "" {
			bad = err.Error()
		}
	}
	return bad
}

func (p *probe[C, R]) authenticate(conn core.Conn, hello core.Message) (C, *core.Failure) {
	p.s.stats.Calls[authenticating]++
	defer p.panicked("Authenticate", conn)
	data, fail := p.user.Authenticate(conn, hello)
	if !p.deep {
		return data, fail
	}
	for range p.repeat {
		again, fail2 := p.user.Authenticate(conn, hello)
		if reflect.DeepEqual(data, again) && reflect.DeepEqual(fail, fail2) {
			continue
		}
		a, b := p.encode("", []any{data, fail}), p.encode("", []any{again, fail2})
		if !bytes.Equal(a, b) {
			p.s.failWith("purity", diffJSON(a, b), "Authenticate of %s answered differently when it was called again with the same arguments", conn.ID)
			break
		}
	}
	if fail == nil {
		roundTrip(p.s, "Authenticate", "connection data", conn, data)
	} else {
		p.s.stats.Failures++
	}
	return data, fail
}

// ask runs Identity or Room.
func (p *probe[C, R]) ask(name string, conn core.Conn, data C, f func(core.Conn, C) string) string {
	defer p.panicked(name, conn)
	answer := f(conn, data)
	for n := 0; p.deep && n < p.repeat; n++ {
		if again := f(conn, data); again != answer {
			p.s.fail("purity", "%s of %s answered %q, and %q when it was called again with the same arguments", name, conn.ID, answer, again)
			break
		}
	}
	return answer
}

// reported takes in what a machine has to say about the integration.
func (s *sim[C, R]) reported(r core.Report) {
	switch {
	case r.What == "Performed" && strings.Contains(r.Text, "after its connection had ended"):
	case strings.HasPrefix(r.Text, "panic"):
		s.fail("panic", "%s of %s: %s", r.What, r.Conn, r.Text)
	default:
		s.fail("outcome", "%s of %s: %s", r.What, r.Conn, r.Text)
	}
}
