package conformance

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
)

// lossPromises are about an end that the client makes, alone or with the
// instance, and about what it does wrong.
var lossPromises = []promise{{
	name:   "the client's close reaches the instance with code and reason",
	says:   "When the client says goodbye, Closed is told its code and its reason, after all that it has sent.",
	breaks: "the last words of a client are lost, or a page that was left looks like a broken network.",
	check: func(b *bubble) {
		i := b.instance()
		for _, code := range codes {
			for _, reason := range []string{"", "bye", strings.Repeat("é", longReason/2)} {
				p := b.connect(i)
				p.send("last words")
				p.close(code, reason)
				if end := p.closed(code); end.Reason != reason {
					b.fatal("Closed is told the reason "+brief(reason), brief(end.Reason))
				}
				closed := strings.TrimSpace(fmt.Sprintf("closed %d %s", code, reason))
				p.heard("receive last words", closed)
			}
		}
	},
}, {
	name:   "Write and Close after the end do nothing",
	says:   "When the connection is gone, Write fails, and Close has no effect.",
	breaks: "rooms learn of an end later than the transport, and write and close until they do.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.leave(4001, "bye")
		p.closed(4001, core.CloseLost)
		for range 2 {
			b.writeFails(p.session, "after the end")
			p.session.Conn.Close(4002, "")
		}
		p.closed(4001, core.CloseLost)
		if log := p.session.Log(); len(log) != 1 {
			b.fatal("the session is told of one end", fmt.Sprintf("%q", log))
		}
	},
}, {
	name:   "a client that vanishes is lost",
	says:   "When the connection breaks without a word, Closed is told core.CloseLost, after all that has arrived.",
	breaks: "a crash is a Leave: as long as nobody notices it, a ghost stays in the room and others wait for it.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.send("last words")
		synctest.Wait()
		p.abort()
		p.closed(core.CloseLost)
		p.heard("receive last words", "closed 1006")
	},
}, {
	name:   "a client that vanishes while Write is stuck is lost",
	says:   "A Write that blocks fails when the connection breaks, or at the write timeout, and Closed follows.",
	breaks: "the goroutine that writes to the client hangs, and shutdown waits for it.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		stuck := p.stuck()
		p.abort()
		b.soon("a stuck Write, when its client has vanished,", stuck)
		p.closed(core.CloseLost)
	},
}, {
	name:   "a client that vanishes while Receive blocks is noticed by Write",
	says:   "While Receive blocks nobody reads, so Closed has to wait. But Write fails when the network has told, or when it takes no more; and Closed follows when Receive has returned.",
	breaks: "a Receive that blocks because too much waits for its own client goes on only when Write has an answer: each would wait for the other.",
	check: func(b *bubble) {
		p, release := b.blocked()
		p.abort()
		answer := make(chan error, 1)
		go func() {
			var err error
			for n := 0; err == nil && n < flood; n += 1024 {
				err = p.session.Conn.Write(kilobytes(1))
			}
			answer <- err
		}()
		b.soon(fmt.Sprintf("one of the Writes of %d KiB to a client that has vanished", flood/1024), answer)
		p.heard("receive blocks")
		release()
		p.closed(core.CloseLost)
	},
}, {
	name:   "closes of both sides at once are one end",
	says:   "If client and instance close at the same time, either code may win. Closed is told one of them, once.",
	breaks: "a room kicks a player who just leaves: two Leaves corrupt the room, and none keeps a ghost in it.",
	check: func(b *bubble) {
		i := b.instance()
		for range 30 {
			p := b.connect(i)
			var both sync.WaitGroup
			both.Go(func() { p.leave(4002, "leaving") })
			p.session.Conn.Close(4001, "kicked")
			both.Wait()
			p.closed(4001, 4002, core.CloseLost) // lost, if a side was gone before it had read
		}
	},
}, {
	name:   closedIsLast,
	says:   "The transport calls Closed exactly once, as its last call, when the call before has returned: however the connection ends, and also if it ends twice.",
	breaks: "Closed runs Leave: twice, or before the last message, and the room is wrong for all; and never is a ghost.",
	check: func(b *bubble) {
		for _, end := range []func(p *peer){
			func(p *peer) { p.abort() },
			func(p *peer) { p.session.Conn.Close(4001, "") },
			func(p *peer) { p.session.Conn.Close(4001, ""); p.abort() },
		} {
			p, release := b.blocked()
			end(p)
			time.Sleep(patience)
			p.heard("receive blocks")
			release()
			p.closed(4001, core.CloseLost)
			p.abort()
			p.closed(4001, core.CloseLost)
			if log := p.session.Log(); len(log) != 2 {
				b.fatal("the session is told of the message and of the end", fmt.Sprintf("%q", log))
			}
		}
	},
},
	violation(core.CloseBinary, "a binary frame"),
	violation(core.CloseTooBig, "a message over the limit"),
	violation(core.CloseNotJSON, "text that is not UTF-8"),
	{
		name:   "who is refused is told so",
		says:   "If Accept fails, the transport refuses the client, or closes with core.CloseGoingAway, and calls nothing.",
		breaks: "clients of an instance that shuts down wait for it, instead of coming back to another.",
		check: func(b *bubble) {
			b.note("the instance refuses")
			c, err := b.dial(b, &FakeInstance{T: b, Refuse: errors.New("shutting down")})
			b.supported(err)
			if err != nil {
				return
			}
			b.Cleanup(c.Abort)
			p := &peer{b: b, c: c, name: "the client"}
			if end := p.ended(core.CloseGoingAway); end.Code != core.CloseGoingAway {
				b.fatal("it is closed with 1001", fmt.Sprintf("with %d %s", end.Code, brief(end.Reason)))
			}
		},
	}, {
		name:   "a session that is a BatchReceiver gets the same",
		says:   "Whether by Receive or by ReceiveAll, each message is handed in once, in the order of the wire, before the transport waits for more of the network, and before Violated and Closed.",
		breaks: "a client that waits for its answer waits for ever, or its last words are lost.",
		check: func(b *bubble) {
			i := b.instance()
			i.Batch = true
			p := b.connect(i)
			list := texts(numbered(10))
			for n, text := range list {
				p.send(text)
				p.heard(told(list[:n+1])...)
			}
			p = b.connect(i)
			p.delivers(texts(numbered(100)))
			p = b.connect(i)
			p.send("last words")
			p.leave(4001, "bye")
			p.closed(4001, core.CloseLost)
			if log := p.session.Log(); len(log) != 2 || log[0] != "receive last words" {
				b.fatal("the session is told of the last words and of the end", fmt.Sprintf("%q", log))
			}
			p = b.connect(i)
			p.send("good")
			p.violate(core.CloseBinary) // last: not all transports know of it
			p.heard("receive good", "violated 1003")
		},
	}}

// violation is the promise about one rule that clients may break.
func violation(code core.CloseCode, what string) promise {
	return promise{
		name: what + " is a violation",
		says: fmt.Sprintf("The session's Violated is told %d, once, after the messages before it. The instance writes its failure and closes: the client gets both. "+
			"What the client sends after its violation is read, so that it can go on to read, and dropped.", code),
		breaks: "an application gets what is not a message; or the client is cut off without the error frame that says what its author did wrong.",
		check: func(b *bubble) {
			i := b.instance()
			i.Violated = func(s *FakeSession, code core.CloseCode) {
				go func() { // the instance answers later, while the client goes on
					time.Sleep(time.Second)
					if err := s.Conn.Write([][]byte{[]byte("failure")}); err != nil {
						b.fail("Write after a violation takes the failure", outcome(err))
					}
					s.Conn.Close(code, "")
				}()
			}
			p := b.connect(i)
			p.send("good")
			p.violate(code)
			for range 20 {
				p.send("dropped")
			}
			p.violate(code)
			p.wants("failure")
			p.wantsEnd(code, code.Reason())
			p.closed(code)
			log := p.session.Log()
			p.heard("receive good", fmt.Sprintf("violated %d", code), log[len(log)-1])
		},
	}
}

func (p *peer) violate(code core.CloseCode) {
	err := p.c.Violate(code)
	p.b.note("%s breaks a rule: %v%s", p.name, code, suffix(err))
	p.b.supported(err)
	if err != nil {
		p.b.fatal(fmt.Sprintf("%s breaks a rule: %v", p.name, code), outcome(err))
	}
}
