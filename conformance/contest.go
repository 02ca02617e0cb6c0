package conformance

import (
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spinneyio/est/broker"
)

// contest is several goroutines on each of several handles that update one record
// at the same time, while others read it.
type contest struct {
	c       *trial
	key     broker.Key
	handles []*handle

	clock   atomic.Int64 // counts calls and answers
	writing atomic.Int64 // goroutines that still write

	mu      sync.Mutex // protects history while they run
	history history
}

// So few that no queue overflows: a contest has 18 messages.
const (
	contestHandles = 3
	contestWriters = 2 * contestHandles
	contestCommits = 3 // of each writer
)

// contest runs one, and gives up if its commits were not made one after the other.
// order is the one in which they were. Each handle listens if heard is true.
func (c *trial) contest(heard bool) (h *history, order []*write) {
	x := &contest{c: c, key: c.key()}
	var listeners []*listener
	for range contestHandles {
		h := c.open()
		x.handles = append(x.handles, h)
		if heard {
			listeners = append(listeners, h.listen(x.key))
		}
	}
	var writers []*contestant
	for i := range contestWriters {
		h := x.handles[i%contestHandles]
		name := fmt.Sprintf("%s%d", h.name, i/contestHandles+1)
		writers = append(writers, &contestant{x, h, name, c.writer(), mathrand.New(mathrand.NewPCG(c.rand.Uint64(), 0))})
	}
	x.writing.Store(contestWriters)
	c.parallel(contestWriters+contestHandles, func(i int) {
		if i >= contestWriters {
			x.readAlong(x.handles[i-contestWriters])
			return
		}
		defer x.writing.Add(-1)
		writers[i].run()
	})
	x.history.last = x.load(x.handles[0], x.handles[0].name+", when all was over,", true)
	x.handles[0].publish(x.key, "end")
	for _, l := range listeners {
		x.history.heard = append(x.history.heard, hearing{span{l.name, ever, ever}, l.upTo("end")})
	}
	order, wrong := x.history.chain()
	c.right(wrong)
	return &x.history, order
}

// right gives up if anything is wrong, and tells of nothing but the calls that
// show it.
func (c *trial) right(wrong *flaw) {
	if wrong == nil {
		return
	}
	c.retell(story{})
	c.note("several goroutines (A1, A2, … on handle A) update one record, and others read it; in brackets is when calls began and ended:")
	for _, line := range wrong.lines() {
		c.note("%s", line)
	}
	c.fatal(wrong.expected, wrong.happened)
}

// upTo waits for a message with this body, and returns those before it.
func (l *listener) upTo(body string) (list []broker.Message) {
	for {
		m := l.message("the message " + brief(body))
		if string(m.Body) == body {
			return list
		}
		list = append(list, m)
	}
}

// readAlong reads while anybody writes, with members and without.
func (x *contest) readAlong(h *handle) {
	for n := range 30 {
		if x.writing.Load() == 0 {
			return
		}
		x.saw(x.load(h, h.name, n%2 == 0))
		runtime.Gosched()
	}
}

func (x *contest) saw(r read) read {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.history.reads = append(x.history.reads, r)
	return r
}

func (x *contest) wrote(w write) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.history.writes = append(x.history.writes, w)
}

func (x *contest) tick() int { return int(x.clock.Add(1)) }

func (x *contest) load(h *handle, by string, members bool) read {
	ctx, cancel := x.c.bounded()
	defer cancel()
	from := x.tick()
	record, err := h.Load(ctx, x.key, members)
	r := sight(span{by, from, x.tick()}, record)
	if err != nil {
		x.c.fatal("Load returns the record", outcome(err))
	}
	r.whole = members
	return r
}

func sight(s span, record broker.Record) read {
	r := read{span: s, value: string(record.Value), version: record.Version, at: record.At}
	for _, m := range record.Members {
		r.members = append(r.members, string(m.Data))
	}
	return r
}

// contestant is a goroutine that writes.
type contestant struct {
	*contest
	handle *handle
	name   string
	ids    *writer
	rand   *mathrand.Rand
}

// run makes its commits, each decided on what it has seen last.
func (w *contestant) run() {
	base := w.saw(w.load(w.handle, w.name, true))
	// Who gets a conflict has seen what came before: so somebody else has won.
	tries := contestWriters * contestCommits
	for done := 0; done < contestCommits; {
		runtime.Gosched()
		got, now := w.commit(base)
		if got.answer == refused {
			if tries--; tries < 0 {
				w.c.fatal("of several commits that expect one version, one is applied", "all get conflicts, again and again")
			}
			base = now
			continue
		}
		done++
		if w.rand.IntN(4) == 0 {
			w.commit(base) // it is overwritten by now
		}
		if got.answer == applied && w.rand.IntN(2) == 0 {
			base = read{value: got.puts, version: got.receipt.Version}
		} else {
			base = w.saw(w.load(w.handle, w.name, done%2 == 0))
		}
	}
}

// commit puts a value that is decided on base. After a conflict, now is what there
// is. One that isn't refused may be sent again, by any handle.
func (w *contestant) commit(base read) (got write, now read) {
	id := w.ids.next()
	value := fmt.Sprintf("%s.%d", w.name, id.N)
	c := broker.Commit{
		ID: id, Expect: &base.version, Value: put(value),
		Members: []broker.MemberChange{add("last", value)}, Messages: messages(value),
	}
	began := time.Now()
	got, now = w.send(w.handle, w.name, base.value, c)
	w.wrote(got)
	if got.answer == refused {
		w.saw(now)
		return got, now
	}
	if w.rand.IntN(3) == 0 {
		h := w.handles[w.rand.IntN(len(w.handles))]
		again, _ := w.send(h, fmt.Sprintf("%s, by handle %s,", w.name, h.name), base.value, c)
		if w.c.keeps(began) {
			w.wrote(again)
		}
	}
	return got, now
}

func (w *contestant) send(h *handle, by, on string, c broker.Commit) (got write, now read) {
	ctx, cancel := w.c.bounded()
	defer cancel()
	got = write{span: span{by: by, from: w.tick()}, puts: string(c.Value.Value), on: on}
	receipt, err := h.Commit(ctx, w.key, c)
	got.to = w.tick()
	conflict, ok := errors.AsType[*broker.Conflict](err)
	switch {
	case err == nil:
		got.receipt = receipt
	case !ok:
		got.answer = unknown
	case conflict.Record.Version == *c.Expect:
		w.c.fatal("a conflict only if the version is another one", "it is the expected one")
	default:
		got.answer, now = refused, sight(got.span, conflict.Record)
	}
	return got, now
}
