package esttest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spinneyio/est/core"
)

// run has a choice happen. A minute goes by where that is what happens, and a
// millisecond otherwise.
func (s *sim[C, R]) run(ch choice) {
	s.tick()
	s.stats.Verbs[ch.do]++
	switch ch.do {
	case connect:
		s.connect(ch)
	case send:
		s.send(s.conns[ch.at], ch.text)
	case hangUp, snap, notice, expire, clog:
		s.runConn(s.conns[ch.at], ch.do)
	case perform, ask, answer, fail, lose, rival, giveUp, land, forget:
		s.runStore(ch)
	case hear, drop, twice, delay:
		s.runMessage(ch)
	case effect, effectFails, effectAnswer, effectAsk:
		s.runEffect(ch)
	case crash, restart, pause, resume, away, back, cut, join:
		s.runNode(ch)
	case round, lapse, heed:
		s.runRound(ch.do)
	case outside:
		s.runOutside(ch.text)
	case wait:
		s.tell(lane{}, lane{}, false, "a minute passes")
		s.now = s.now.Add(time.Minute)
	}
	s.deliver()
	s.changed = true
}

// runConn has something happen to a connection, other than that it sends.
func (s *sim[C, R]) runConn(c *conn[C, R], do verb) {
	switch do {
	case hangUp:
		s.tell(c.lane(), c.node.lane(), false, "close")
		c.open = false
		s.close(c)
	case snap:
		c.open = false
		s.tell(c.lane(), c.node.lane(), true, "connection breaks")
	case notice:
		s.tellf(c.lane(), c.node.lane(), false, "%v is over", c.name)
		s.close(c)
	case expire:
		s.now = maxTime(s.now, c.opened.Add(10*time.Second))
		s.tellf(c.node.lane(), c.node.lane(), false, "no hello of %v in time", c.name)
		s.say(c, core.TimedOut{Conn: c.id, Now: s.now})
	case clog:
		s.tellf(c.node.lane(), c.lane(), false, "close %v: too slow", core.ClosePolicy)
		c.open, c.code = false, core.ClosePolicy
		s.close(c)
	}
}

// tick has a millisecond go by, unless time stands still.
func (s *sim[C, R]) tick() {
	if !s.still {
		s.now = s.now.Add(time.Millisecond)
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *sim[C, R]) connect(ch choice) {
	a, n := s.clients[ch.at], s.nodes[ch.inst-1]
	a.lives++
	name := connName{a.number, a.lives}
	c := &conn[C, R]{id: s.p.connID(name), at: int32(len(s.conns)), name: name, node: n, opened: s.now, open: true, site: n.lobby}
	a.conn = c
	s.conns = append(s.conns, c)
	if s.tracing {
		s.tellf(c.lane(), n.lane(), false, "connect as %v", c.name)
	}
	if s.model.Handshake != nil {
		c.hello = s.handshake(c)
	}
	s.say(c, core.Opened{Conn: c.id, Now: s.now, Handshake: c.hello})
}

func (s *sim[C, R]) send(c *conn[C, R], text string) {
	s.tell(c.lane(), c.node.lane(), false, text)
	c.sent++
	s.say(c, core.Received{Conn: c.id, Now: s.now, Message: core.Message(text)})
}

// close tells the machine that a connection is over.
func (s *sim[C, R]) close(c *conn[C, R]) {
	if c.over {
		return
	}
	c.over = true
	s.closeWatched(c)
	s.say(c, core.Closed{Conn: c.id, Now: s.now})
}

func (s *sim[C, R]) runMessage(ch choice) {
	t := s.nodes[ch.inst-1].sites[ch.at]
	ev := t.queue[0]
	switch ch.do {
	case twice:
		s.tellf(theStore, t.n.lane(), false, "%s, which will come again", s.told(ev))
	case delay:
		s.tellf(theStore, t.n.lane(), true, "%s, late", s.told(ev))
		t.queue = append(t.queue[1:len(t.queue):len(t.queue)], ev)
		return
	case drop:
		s.tell(theStore, t.n.lane(), true, s.told(ev))
		t.queue = t.queue[1:]
		if d, ok := ev.(core.Delivered); ok && t.lost == 0 {
			t.lost = d.At.Seq
		}
		return
	default:
		t.queue = t.queue[1:]
		s.tell(theStore, t.n.lane(), false, s.told(ev))
	}
	if d, ok := ev.(core.Delivered); ok {
		d.Now = s.now
		ev = d
		t.lost = 0 // the machine can see it now
	}
	s.happen(t, ev)
}

func (s *sim[C, R]) runEffect(ch choice) {
	c := s.conns[ch.at]
	w := &c.work[0]
	if !w.done {
		s.performOne(c, w, ch.do == effectFails)
	}
	if ch.do == effect {
		return
	}
	done := c.work[0]
	c.work = c.work[1:]
	if s.p.user.Performed != nil && c.site != nil && done.on == c.node.number { // of an orphan nobody wants to know
		s.tellf(c.node.lane(), c.node.lane(), false, "the side effect %s is answered", s.shown(done.effect))
		s.say(c, core.Answered{Conn: c.id, Now: s.now, Answer: done.answer})
	}
}

func (s *sim[C, R]) performOne(c *conn[C, R], w *work, fails bool) {
	w.done, w.answer = true, core.Performed{Effect: w.effect}
	on := lane{inst, w.on}
	var result any
	var err error
	switch {
	case fails:
		w.answer.Failed = "esttest: this side effect fails"
	case s.model.Perform != nil:
		result, err = s.callPerform(w.effect)
	}
	if err != nil {
		w.answer.Failed = err.Error()
	}
	if w.answer.Failed != "" {
		s.tellf(on, on, true, "perform %s for %v", s.shown(w.effect), c.name)
		return
	}
	if result != nil {
		if w.answer.Result, err = json.Marshal(result); err != nil {
			panic(modelError(fmt.Sprintf("Perform answered a %T that JSON can't encode: %v", result, err)))
		}
	}
	s.tellf(on, on, false, "perform %s for %v", s.shown(w.effect), c.name)
	s.effects = append(s.effects, w.effect)
}

func (s *sim[C, R]) callPerform(effect any) (any, error) {
	defer blame("Perform")
	return s.model.Perform(s.effects[:len(s.effects):len(s.effects)], effect)
}

// show prints what the application gave us.
func show(v any) string {
	if b, err := json.Marshal(v); err == nil {
		return string(b)
	}
	return fmt.Sprint(v)
}
