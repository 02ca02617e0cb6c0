package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/spinneyio/est/core"
)

// Codes that may travel: those of core's table, and of applications.
var codes = []core.CloseCode{
	core.CloseNormal, core.CloseGoingAway, core.CloseBinary, core.CloseNotJSON, core.ClosePolicy,
	core.CloseTooBig, core.CloseBug, core.CloseComeBack, core.CloseTryLater, 4000, 4001, 4242, 4999,
}

// longReason is the longest that a reason may be without being cut, in bytes: it
// is what a WebSocket frame has room for.
const longReason = 123

// closePromises are about an end that the instance makes.
var closePromises = []promise{{
	name:   "what the instance writes before Accept has returned reaches the client",
	says:   "The instance may call Write and Close from when it has the Conn, also while its Accept still runs. The client gets it, and the session Closed.",
	breaks: "an instance that authenticates on connect answers at once: the client would wait for a greeting that was lost.",
	check: func(b *bubble) {
		i := b.instance()
		i.Accepted = func(s *FakeSession) {
			b.write(s, numbered(2)...)
		}
		p := b.dialed(i) // Accept may be stuck until the client reads
		p.wants(texts(numbered(2))...)
		p.accepted(i, 0)
		i.Accepted = func(s *FakeSession) { s.Conn.Close(4001, "not you") }
		p = b.dialed(i)
		p.wantsEnd(4001, "not you")
		p.accepted(i, 1)
		p.closed(4001)
	},
}, {
	name:   "Close comes after what was written, and the first counts",
	says:   "The client gets all messages of the Writes that have returned, then the code and reason of the first Close. A Write after it fails, and a second Close does nothing. Closed follows with the code.",
	breaks: "the failure that says why a client was closed is written before the close: it would be closed without a reason.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		go func() {
			b.write(p.session, numbered(20)...)
			p.session.Conn.Close(4001, "bye")
			p.session.Conn.Close(4002, "again")
			b.writeFails(p.session, "after Close")
		}()
		synctest.Wait() // a transport that buffers has it all by now
		p.wants(texts(numbered(20))...)
		p.wantsEnd(4001, "bye")
		p.wantsEnd(4001, "bye") // and so it stays
		p.closed(4001)
	},
}, {
	name:   "every code of est reaches the client, and an empty reason is the code's own",
	says:   "Close tells the client its code: all of core's table but 1006, and 4000 to 4999. With an empty reason it says the code's phrase (core.CloseCode.Reason).",
	breaks: "clients decide by the code whether to come back at once, later or never: one that is wrong keeps users out, or lets a crowd come back.",
	check: func(b *bubble) {
		i := b.instance()
		for _, code := range codes {
			p := b.connect(i)
			p.session.Conn.Close(code, "")
			p.wantsEnd(code, code.Reason())
			p.closed(code)
		}
	},
}, {
	name:   "a reason of 123 bytes reaches the client whole, and a longer one is cut between two runes",
	says:   "A reason is text in UTF-8. Up to 123 bytes, which is what a WebSocket frame has room for, it arrives as it is; of a longer one as much as possible, and no half rune.",
	breaks: "half a rune is a protocol error for browsers: the page sees 1006 instead of the code. And shutdown writes into the reason when to come back.",
	check: func(b *bubble) {
		i := b.instance()
		for _, reason := range []string{
			strings.Repeat("r", longReason), strings.Repeat("é", longReason/2) + ".", strings.Repeat("€", longReason/3), "x", "a \"b\"\n\t😀",
		} {
			p := b.connect(i)
			p.session.Conn.Close(4001, reason)
			p.wantsEnd(4001, reason)
		}
		for shift := range 4 {
			reason := strings.Repeat(".", shift) + strings.Repeat("😀", 50)
			p := b.connect(i)
			p.session.Conn.Close(4001, reason)
			end := p.ended(4001)
			if end.Code != 4001 || !strings.HasPrefix(reason, end.Reason) || !utf8.ValidString(end.Reason) || len(end.Reason) <= longReason-utf8.UTFMax {
				b.fatal(fmt.Sprintf("the end with code 4001, and at least %d bytes of whole runes of %s", longReason-utf8.UTFMax+1, brief(reason)),
					fmt.Sprintf("%d with %d bytes: %q", end.Code, len(end.Reason), end.Reason))
			}
		}
	},
}, {
	name:   "Close with core.CloseLost says nothing",
	says:   "core.CloseLost drops the connection: the client is told no code, and Closed follows with core.CloseLost.",
	breaks: "1006 must not be in a frame, and another code would be a lie about why it ended.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.session.Conn.Close(core.CloseLost, "")
		if end := p.ended(core.CloseLost); end.Code != core.CloseLost {
			b.fatal("the connection of "+p.name+" breaks without a word", fmt.Sprintf("it gets %d %s", end.Code, brief(end.Reason)))
		}
		p.closed(core.CloseLost)
	},
}, {
	name:   "Write and Close work from within a call of the session",
	says:   "Nobody holds a lock of its own while it calls the other side: within Receive, Write and Close do what they always do, and within Closed they do nothing.",
	breaks: "an instance that answers in the call, or closes in it when a client is too fast, would wait for itself.",
	check: func(b *bubble) {
		i := b.instance()
		i.Received = func(s *FakeSession, m []byte) {
			b.write(s, m)
			s.Conn.Close(core.CloseNormal, "")
		}
		i.Closed = func(s *FakeSession) {
			s.Conn.Close(4002, "late")
			b.writeFails(s, "within Closed")
		}
		p := b.connect(i)
		go p.send("echo")
		p.wants("echo")
		p.wantsEnd(core.CloseNormal, "done")
		p.closed(core.CloseNormal)
	},
}, {
	name:   "Close does not wait, and cuts a Write that is stuck",
	says:   "Close returns at once. A Write that blocks because the client does not read is cut off, and fails, well before the write timeout; Closed follows with the code of Close.",
	breaks: "a client that is too slow is closed by a goroutine that has others to look after, and shutdown would wait for every such client.",
	check: func(b *bubble) {
		i := b.instance()
		p := b.connect(i)
		began := time.Now()
		b.soon("a Write that is stuck", p.stuck())
		timeout := time.Since(began)
		p = b.connect(i)
		stuck := p.stuck()
		began = time.Now()
		p.session.Conn.Close(4001, "")
		if took := time.Since(began); took > 0 {
			b.fatal("Close returns at once", fmt.Sprintf("after %v", took))
		}
		b.soon("a Write that is stuck, when the instance has closed,", stuck)
		if took := time.Since(began); took > timeout/2 {
			b.fatal(fmt.Sprintf("the stuck Write is cut long before the write timeout of %v", timeout), fmt.Sprintf("after %v", took))
		}
		p.closed(4001)
	},
}, {
	name:   "Close during Write: what was answered has arrived",
	says:   "Write and Close may come at the same time, and two Closes too. The client gets whole messages in order, among them all of the Writes that answered well, and then the code that Closed is told.",
	breaks: "messages come from the room while the connection is closed by another goroutine: torn frames look like a broken network, and nobody could say what a client has seen.",
	check: func(b *bubble) {
		i := b.instance()
		for round := range 60 {
			b.closeDuringWrite(i, round)
		}
	},
}}

// closeDuringWrite closes, twice, while the instance writes and the client reads.
func (b *bubble) closeDuringWrite(i *FakeInstance, round int) {
	p := b.connect(i)
	answered, closing := 0, make(chan struct{})
	var calls sync.WaitGroup
	calls.Go(func() {
		for n := 0; n < 10_000; n += 8 {
			var batch [][]byte
			for k := range 8 {
				batch = append(batch, fmt.Appendf(nil, "message %d", n+k))
			}
			if p.session.Conn.Write(batch) != nil {
				return
			}
			answered += len(batch)
		}
		b.fail("Write after Close fails", "it answers that all is well, for 10,000 messages")
	})
	for n, code := range []core.CloseCode{4001, 4002} {
		calls.Go(func() {
			<-closing
			p.session.Conn.Close(code, []string{"one", "other"}[n])
		})
	}
	received := 0
	var end *Ended
	for end == nil {
		if received == round {
			close(closing)
		}
		text, err := p.receive("a message, or the end")
		switch want := fmt.Sprintf("message %d", received); {
		case err != nil && !errors.As(err, &end):
			b.fatal("the end with a code", fmt.Sprintf("it gets: %v", err))
		case err == nil && text != want:
			b.fatal(fmt.Sprintf("%s receives %s", p.name, brief(want)), "it gets "+brief(text))
		case err == nil:
			received++
		}
	}
	calls.Wait()
	if received < answered {
		b.fatal(fmt.Sprintf("the client gets the %d messages of the Writes that answered well", answered), fmt.Sprintf("it gets %d, and then the end", received))
	}
	p.closed(end.Code)
	synctest.Wait()
	if !slices.Contains([]Ended{{4001, "one"}, {4002, "other"}}, *end) {
		b.fatal("the end with code and reason of one Close", end.Error())
	}
}
