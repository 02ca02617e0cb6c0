package esttest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// step is one decision of a schedule: who does what next. It names them, and not
// a place in a list of what was possible, so it means the same in a history from
// which others were taken away; where it is not possible there, it is passed over.
type step struct {
	do   verb
	op   opKind   // what is asked of the store, where the step is about that
	conn connName // connect, and all that happens to a connection
	inst int      // counted from 1; 0 where the step is not of an instance
	room string
	text string // send: the message, any bytes; outside: the seed
}

// connName is the life-th connection of a client; both count from 1.
type connName struct{ client, life int }

// verb is what happens in a step. Its name in files is in verbs.
type verb uint8

const (
	none verb = iota

	// What clients do, and the network between them and their instance.
	connect // conn, inst
	send    // conn, text: a message of the client arrives
	hangUp  // conn: the client closes, and the instance sees it
	snap    // conn: the connection breaks, and nobody has told the instance
	notice  // conn: the instance sees that a connection is over
	expire  // conn: the time for its hello is over
	clog    // conn: it reads too slowly and is closed

	// What an instance asks of the store: inst, room, op.
	perform // it takes place
	answer  // its answer arrives
	ask     // both at once
	fail    // it does not take place, and the instance finds that out
	lose    // it took place, and the answer is lost
	rival   // somebody else writes the same value again, so the version has moved: inst and op are not set
	giveUp  // the instance's patience with the store is over: op is not set
	land    // a commit that was given up, or whose instance has crashed, takes place late
	forget  // the instance stops asking what became of its commit

	// Messages from the store to an instance: inst, room.
	hear  // the next one arrives
	drop  // the next one is lost, and nobody is told
	twice // the next one arrives, and stays to come again
	delay // the next one goes behind the others
	cut   // inst: the connection for messages is cut, and what is on its way is lost
	join  // inst: it is back, and the rooms are told that messages may be missing

	// Side effects: conn.
	effect       // the oldest is performed
	effectFails  // the oldest fails
	effectAnswer // its answer arrives
	effectAsk    // performed and answered at once

	// Instances and the store: inst.
	crash
	restart
	pause
	resume
	away // the instance can't reach the store
	back // it can again

	// Heartbeats, and what follows from them: see liveness.
	round // all instances have one
	lapse // as many as it takes for those without to be taken for dead
	heed  // from now on what they do for it is steps too

	outside // text: Publish or Update from outside any connection, generated with this seed
	wait    // a minute passes

	verbCount
)

var verbs = [verbCount]string{
	connect: "connect", send: "send", hangUp: "close", snap: "break", notice: "notice", expire: "expire", clog: "slow",
	perform: "perform", answer: "answer", ask: "ask", fail: "fail", lose: "lose", rival: "rival", giveUp: "give-up", land: "land", forget: "forget",
	hear: "hear", drop: "drop", twice: "twice", delay: "late", cut: "cut", join: "rejoin",
	effect: "effect", effectFails: "effect-fails", effectAnswer: "effect-answer", effectAsk: "effect-ask",
	crash: "crash", restart: "restart", pause: "pause", resume: "resume", away: "away", back: "back",
	round: "round", lapse: "lapse", heed: "heed",
	outside: "outside", wait: "wait",
}

// opKind is what a room asks of the store, or an instance for its heartbeat.
type opKind uint8

const (
	noOp opKind = iota
	load
	commit
	subscribe
	unsubscribe
	enlist // the room as one that the instance enters
	look   // one of est's own records is read; room is its name
	note   // one of them is changed
	reap   // a dead instance's members of the room are read
	opCount
)

var ops = [opCount]string{load: "load", commit: "commit", subscribe: "subscribe", unsubscribe: "unsubscribe",
	enlist: "list", look: "look", note: "note", reap: "reap"}

// isChore says whether an instance asks it for its heartbeat, and no room.
func (k opKind) isChore() bool { return k >= look }

// String is the connection's name: c2 is the first connection of client 2, c2.3
// its third one.
func (n connName) String() string {
	if n.life == 1 {
		return "c" + strconv.Itoa(n.client)
	}
	return fmt.Sprintf("c%d.%d", n.client, n.life)
}

// String is the step as files have it: one line, which parseStep reads.
func (s step) String() string {
	var b strings.Builder
	b.WriteString(verbs[s.do])
	if s.conn != (connName{}) {
		b.WriteString(" " + s.conn.String())
	}
	if s.inst != 0 {
		b.WriteString(" i" + strconv.Itoa(s.inst))
	}
	if s.op != noOp {
		b.WriteString(" " + ops[s.op])
	}
	if s.room != "" {
		b.WriteString(" " + strconv.Quote(s.room))
	}
	if s.text != "" {
		b.WriteString(" " + written(s.text))
	}
	return b.String()
}

// written is a text as it is, as JSON is, or quoted behind a = if a line that is
// read back without the spaces around it would not have it all.
func written(text string) string {
	breaks := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, breaks) || strings.TrimSpace(text) != text || strings.HasPrefix(text, "=") {
		return "=" + strconv.Quote(text)
	}
	return text
}

// parseStep reads what [step.String] wrote, and is not strict about spaces.
func parseStep(line string) (s step, err error) {
	word, rest := cutWord(strings.TrimSpace(line))
	for v, name := range verbs {
		if name == word && name != "" {
			s.do = verb(v)
		}
	}
	if s.do == none {
		return step{}, fmt.Errorf("%q is not a step", line)
	}
	for rest != "" {
		if s.do == send && s.conn != (connName{}) || s.do == outside {
			s.text, err = readText(rest)
			rest = ""
		} else {
			rest, err = s.parseArg(rest)
		}
		if err != nil {
			return step{}, fmt.Errorf("step %q: %w", line, err)
		}
	}
	return s, nil
}

// cutWord is the first word, and what follows the spaces behind it.
func cutWord(text string) (word, rest string) {
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimLeft(text[end:], " \t")
}

// readText is the text that was [written].
func readText(text string) (string, error) {
	quoted, is := strings.CutPrefix(text, "=")
	if !is {
		return text, nil
	}
	plain, err := strconv.Unquote(quoted)
	if err != nil {
		return "", fmt.Errorf("%s is not a quoted text; only one that begins with = has to be", quoted)
	}
	return plain, nil
}

// parseArg reads the next argument and returns what follows.
func (s *step) parseArg(text string) (rest string, err error) {
	if text[0] == '"' {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", fmt.Errorf("%s is not a quoted room", text)
		}
		s.room, err = strconv.Unquote(quoted)
		return strings.TrimLeft(text[len(quoted):], " \t"), err
	}
	word, rest := cutWord(text)
	for k, name := range ops {
		if name == word && name != "" {
			s.op = opKind(k)
			return rest, nil
		}
	}
	if n, ok := parseConn(word); ok {
		s.conn = n
		return rest, nil
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(word, "i")); err == nil && strings.HasPrefix(word, "i") && n > 0 {
		s.inst = n
		return rest, nil
	}
	return "", fmt.Errorf("%q is neither a connection (c1), an instance (i1), nor a room (\"r\")", word)
}

func parseConn(word string) (n connName, ok bool) {
	digits, found := strings.CutPrefix(word, "c")
	if !found {
		return n, false
	}
	client, life, more := strings.Cut(digits, ".")
	n.life = 1
	var err1, err2 error
	n.client, err1 = strconv.Atoi(client)
	if more {
		n.life, err2 = strconv.Atoi(life)
	}
	return n, err1 == nil && err2 == nil && n.client > 0 && n.life > 0
}
