package conformance

import (
	"errors"
	"fmt"
	"sync"

	"github.com/spinneyio/est/core"
)

// wholePromises are about many connections.
var wholePromises = []promise{{
	name:   "many connections at once are kept apart",
	says:   "Accept is called once for each client, also for many at once, and each session is that client's and nobody else's.",
	breaks: "people get each other's messages.",
	check: func(b *bubble) {
		const clients, rounds = 40, 5
		i := b.instance()
		i.Received = func(s *FakeSession, m []byte) {
			b.write(s, m)
		}
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				p := b.dialed(i)
				for range rounds {
					go p.send(p.name)
					p.wants(p.name)
				}
			})
		}
		all.Wait()
		if n := i.count(); n != clients && !b.Failed() {
			b.fatal(fmt.Sprintf("%d sessions", clients), fmt.Sprintf("%d", n))
		}
	},
}, {
	name:   nothingIsLeft,
	says:   "When a connection has ended, in whatever way, all goroutines that the transport, or the test's client, has begun for it end too, within two minutes.",
	breaks: "an instance lives for months and sees millions of connections: each leaves a little, until it is killed.",
	check: func(b *bubble) {
		i := b.instance()
		i.Violated = func(s *FakeSession, code core.CloseCode) { go s.Conn.Close(code, "") }
		ends := []func(p *peer){
			func(p *peer) { p.leave(4001, "bye") },
			func(p *peer) { p.abort() },
			func(p *peer) { p.session.Conn.Close(4001, "bye"); p.ended(4001) },
			func(p *peer) { p.session.Conn.Close(4001, "bye") }, // nobody reads it
			func(p *peer) { p.session.Conn.Close(core.CloseLost, "") },
			func(p *peer) { stuck := p.stuck(); p.session.Conn.Close(4001, "slow"); <-stuck },
			func(p *peer) { stuck := p.stuck(); p.abort(); <-stuck },
			func(p *peer) { <-p.stuck() },
			func(p *peer) { p.send("x"); p.session.Conn.Close(4001, ""); p.abort() },
			func(p *peer) {
				if p.c.Violate(core.CloseBinary) != nil {
					p.abort()
				}
			},
		}
		for range 5 {
			for _, end := range ends {
				p := b.connect(i)
				end(p)
				p.closed(4001, core.CloseBinary, core.CloseLost)
				p.abort() // what is left now is the transport's
			}
			if c, err := b.dial(b, &FakeInstance{T: b, Refuse: errors.New("shutting down")}); err == nil {
				c.Abort()
			}
		}
		// The bubble says what is left, when it ends.
	},
}}
