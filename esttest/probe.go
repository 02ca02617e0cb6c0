package esttest

import (
	"bytes"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	"github.com/spinneyio/est/core"
)

// probe is the integration with everything seen that its functions are asked and
// answer. One sim at a time uses it.
type probe[C, R any] struct {
	user     core.Integration[C, R] // as the user wrote it
	seen     core.Integration[C, R] // the same, watched: what the machines run
	machines *core.Rooms[C, R]      // makes them

	disabled map[string]bool // checks
	habits   habits          // of the integration
	repeat   int             // how often a function is called again, if deep
	ids      map[connName]core.ConnID
	deep     bool // also run each function twice, and look at what JSON does to its values

	s     *sim[C, R] // whose machine is being stepped
	calls []call     // of its step
	slab  []call     // of earlier ones
	deals []deal[C]  // likewise
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

func newProbe[C, R any](in core.Integration[C, R], disable []string) *probe[C, R] {
	p := &probe[C, R]{user: in, seen: in, disabled: map[string]bool{}, habits: newHabits(), repeat: 1, ids: map[connName]core.ConnID{}}
	for _, name := range disable {
		p.disabled[name] = true
	}
	p.machines = core.RoomsOf(&p.seen)
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
		for i := len(r.log) - 1; i >= 0; i-- {
			if r.log[i].body == where {
				return r.log[i]
			}
		}
	}
	return logged{}
}

// begin starts a step of a machine of s.
func (p *probe[C, R]) begin(s *sim[C, R]) {
	p.s, p.calls = s, p.calls[:0]
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
		a, b := encode([]any{data, fail}), encode([]any{again, fail2})
		if !bytes.Equal(a, b) {
			p.s.failWith("purity", diffJSON(a, b), "Authenticate of %s answered differently when it was called again with the same arguments", conn.ID)
			break
		}
	}
	if fail == nil {
		roundTrip(p.s, "Authenticate", "connection data", conn, data, encode(data))
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
