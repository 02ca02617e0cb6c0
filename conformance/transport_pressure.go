package conformance

import (
	"fmt"
	"strings"
	"testing/synctest"
	"time"
)

// pressurePromises are about a side that does not take what the other sends.
var pressurePromises = []promise{{
	name:   "a session that takes nothing slows its client down",
	says:   "While Receive blocks, the transport reads no further: the client can send as much as the network holds, and not without end. All of it arrives in the end.",
	breaks: "an instance bounds what waits for it by blocking Receive: one client fills the memory of all.",
	check: func(b *bubble) {
		gate := make(chan struct{})
		i := b.instance()
		i.Received = func(*FakeSession, []byte) { <-gate }
		p := b.connect(i)
		text := strings.Repeat("x", 16<<10)
		const total = flood / (16 << 10)
		sent, all := 0, make(chan struct{})
		go func() {
			defer close(all)
			for range total {
				p.send(text)
				sent++
			}
		}()
		time.Sleep(time.Second) // a network in memory may have a latency
		synctest.Wait()
		if sent == total {
			b.fatal(fmt.Sprintf("the client can't send %d KiB while Receive blocks", flood/1024), "it could")
		}
		p.heard("receive " + text)
		close(gate)
		<-all
		var told []string
		for range total {
			told = append(told, "receive "+text)
		}
		p.heard(told...)
	},
}, {
	name:   "a session that takes nothing can write and close",
	says:   "Write works while Receive blocks: the two ways are independent, and nobody holds a lock of its own while it calls the other side.",
	breaks: "Receive blocks until the instance has written what waits for this client: with neither going on, the connection is dead.",
	check: func(b *bubble) {
		p, release := b.blocked()
		p.writes([]string{"answer", "another"})
		p.wants("answer", "another")
		p.session.Conn.Close(4001, "bye")
		p.wantsEnd(4001, "bye")
		release()
		p.closed(4001)
	},
}, {
	name:   "a session that takes nothing holds nobody else up",
	says:   "While Receive of one connection blocks, others are served.",
	breaks: "a room that waits for the broker stops all rooms of the instance.",
	check: func(b *bubble) {
		gate := make(chan struct{})
		defer close(gate)
		i := b.instance()
		i.Received = func(s *FakeSession, m []byte) {
			if string(m) == "blocks" {
				<-gate
			}
		}
		slow := b.connect(i)
		slow.send("blocks")
		slow.heard("receive blocks")
		quick := b.connect(i)
		began := time.Now()
		go quick.send("hello")
		quick.heard("receive hello")
		b.atOnce("a message beside a session that blocks", began)
	},
}, {
	name:   "Write blocks while the client does not read, and gives up",
	says:   "Write returns when the network has taken the messages. It blocks while the client does not read, for the transport's write timeout: then it fails, and Closed follows with core.CloseLost.",
	breaks: "est bounds what waits for a client by how far Write has come: what a transport queues by itself is without a bound, and who never reads would stay for ever.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		b.soon("a Write that is stuck", p.stuck())
		p.closed(1006)
	},
}, {
	name:   "a client that does not read holds nobody else up",
	says:   "While Write of one connection blocks, others are read and written.",
	breaks: "one phone in a tunnel stops the whole instance.",
	check: func(b *bubble) {
		i := b.instance()
		i.Received = func(s *FakeSession, m []byte) {
			b.write(s, m)
		}
		slow := b.connect(i)
		stuck := slow.stuck()
		quick := b.connect(i)
		began := time.Now()
		for range 10 {
			go quick.send("hello")
			quick.wants("hello")
		}
		b.atOnce("ten messages there and back beside a stuck client", began)
		slow.abort()
		<-stuck
	},
}}

// blocked connects a client to an instance that blocks in Receive, which runs for
// its first message, until it is released.
func (b *bubble) blocked() (p *peer, release func()) {
	gate := make(chan struct{})
	i := b.instance()
	i.Received = func(*FakeSession, []byte) { <-gate }
	p = b.connect(i)
	p.send("blocks")
	p.heard("receive blocks")
	return p, func() { close(gate) }
}

// atOnce says that what has begun and is done has not waited for anything.
func (b *bubble) atOnce(what string, began time.Time) {
	// More than a latency, and less than a timeout.
	if took := time.Since(began); took > time.Second {
		b.fatal(what+": at once", fmt.Sprintf("it took %v", took))
	}
}
