package redistest

import (
	"slices"
	"strings"
)

// matcher says whether it is this command whose reply is to be lost.
type matcher func(args []string) bool

// LoseReply lets the next reply get lost to a command that match is true for and
// that is sent after the call: the server gets the command and performs it, but
// instead of the answer the client sees the end of its connection. Answers to what
// it sent earlier arrive before, and other connections are not concerned.
//
// A command that the server refuses by an error, such as NOSCRIPT or MOVED, or only
// puts into a transaction, was not performed: its answer arrives, and the next
// match counts.
//
// args is a command with its arguments; match must not keep it nor call the proxy.
// nil means what runs scripts: EVAL, EVALSHA and FCALL. Of several calls, each
// loses one reply. [Stats].Lost tells how many it have been.
func (p *Proxy) LoseReply(match func(args []string) bool) {
	if match == nil {
		match = runsScript
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.losses = append(p.losses, match)
}

func runsScript(args []string) bool {
	return slices.Contains([]string{"EVAL", "EVALSHA", "FCALL"}, strings.ToUpper(args[0]))
}

// count finds the answer that belongs to a command. Answers come in the order of
// the commands, with pushed messages in between.
type count struct {
	sent, got  int     // commands that have one answer, and answers to them
	doomed     int     // which answer is to be lost; 0 is none
	why        matcher // of the doomed one
	subscribed bool    // ever
}

// sent counts a command that is about to be passed on.
func (p *Proxy) sent(l *link, args []string) {
	if len(args) == 0 {
		return
	}
	name := strings.ToUpper(args[0])
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Commands[name]++
	c := &l.count
	if strings.HasSuffix(name, "SUBSCRIBE") {
		c.subscribed = true // it is answered by messages
		return
	}
	c.sent++
	if c.doomed > 0 {
		return
	}
	if i := slices.IndexFunc(p.losses, func(m matcher) bool { return m(args) }); i >= 0 {
		c.doomed, c.why = c.sent, p.losses[i]
		p.losses = slices.Delete(p.losses, i, i+1)
	}
}

// loses counts an answer, and says whether it is to be lost.
func (p *Proxy) loses(l *link, v value) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &l.count
	if v.isPushed(c.subscribed) || c.got == c.sent { // the latter is a subscription refused
		return false
	}
	c.got++
	if c.got != c.doomed {
		return false
	}
	c.doomed = 0
	if v.isError() || v.kind == '+' && v.text == "QUEUED" {
		p.losses = slices.Insert(p.losses, 0, c.why)
		return false
	}
	p.stats.Lost++
	return true
}

// isPushed says whether the server sent v on its own account. In RESP 2 such values
// look like answers, and only subscribers get them.
func (v value) isPushed(subscribed bool) bool {
	if v.kind != '*' || !subscribed || len(v.items) == 0 {
		return v.kind == '>'
	}
	what := v.items[0].text
	return strings.HasSuffix(what, "subscribe") || slices.Contains([]string{"message", "pmessage", "smessage"}, what)
}
