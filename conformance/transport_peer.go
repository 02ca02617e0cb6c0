package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// patience is for how long, on the bubble's clock, a promise waits for what must
// come. It is more than any timeout of a transport.
const patience = time.Minute

// peer is a client and what belongs to it. Its methods expect to succeed, and
// write down what was done.
type peer struct {
	b       *bubble
	c       Client
	name    string
	session *FakeSession
}

// instance returns an instance to connect to.
func (b *bubble) instance() *FakeInstance { return &FakeInstance{T: b} }

// connect connects a client to i. One at a time: the next session is its own.
func (b *bubble) connect(i *FakeInstance) *peer {
	n := i.count()
	p := b.dialed(i)
	p.accepted(i, n)
	synctest.Wait()
	return p
}

// accepted waits for the peer's session, the n-th.
func (p *peer) accepted(i *FakeInstance, n int) {
	accepted := make(chan *FakeSession, 1)
	go func() { accepted <- i.Session(n) }()
	select {
	case p.session = <-accepted:
	case <-time.After(patience):
		p.b.fatal("Accept is called", fmt.Sprintf("not in %v", patience))
	}
}

// dialed is connect without the session.
func (b *bubble) dialed(i transport.Acceptor) *peer {
	b.mu.Lock()
	b.clients++
	name := fmt.Sprintf("client %d", b.clients)
	b.mu.Unlock()
	c, err := b.dial(b, i)
	b.supported(err)
	if err != nil {
		b.fatal(name+" connects", outcome(err))
	}
	b.Cleanup(c.Abort)
	b.note("%s connects", name)
	return &peer{b: b, c: c, name: name}
}

func (p *peer) send(text string) {
	err := p.c.Send(text)
	p.b.note("%s sends %s%s", p.name, brief(text), suffix(err))
	p.b.supported(err)
	if err != nil {
		p.b.fatal(p.name+" sends "+brief(text), outcome(err))
	}
}

// receive waits for what is received next. what says what it has to be.
func (p *peer) receive(what string) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := p.c.Receive()
		got <- answer{text, err}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case a := <-got:
		if a.err != nil {
			p.b.note("%s receives: %v", p.name, a.err)
		} else {
			p.b.note("%s receives %s", p.name, brief(a.text))
		}
		return a.text, a.err
	case <-timer.C:
		p.b.fatal(fmt.Sprintf("%s receives %s", p.name, what), fmt.Sprintf("nothing comes in %v", patience))
		panic("unreachable")
	}
}

// wants receives these messages, and nothing between them.
func (p *peer) wants(texts ...string) {
	for n, want := range texts {
		what := brief(want)
		if len(texts) > 1 {
			what += fmt.Sprintf(", message %d of %d", n+1, len(texts))
		}
		switch got, err := p.receive(what); {
		case err != nil:
			p.b.fatal(fmt.Sprintf("%s receives %s", p.name, what), fmt.Sprintf("it gets: %v", err))
		case got != want:
			p.b.fatal(fmt.Sprintf("%s receives %s", p.name, what), "it gets "+difference(got, want))
		}
	}
}

// wantsEnd receives the end.
func (p *peer) wantsEnd(code core.CloseCode, reason string) {
	if end := p.ended(code); end.Code != code || end.Reason != reason {
		p.b.fatal(fmt.Sprintf("%s is closed with %d %s", p.name, code, brief(reason)), fmt.Sprintf("with %d %s", end.Code, brief(end.Reason)))
	}
}

// ended receives the end, which ought to have the code. Without a word, it is
// core.CloseLost.
func (p *peer) ended(code core.CloseCode) Ended {
	what := fmt.Sprintf("the end, with code %d", code)
	text, err := p.receive(what)
	if err == nil {
		p.b.fatal(fmt.Sprintf("%s receives %s", p.name, what), "the message "+brief(text))
	}
	if end, ok := errors.AsType[*Ended](err); ok {
		return *end
	}
	return Ended{Code: core.CloseLost, Reason: err.Error()}
}

func (p *peer) close(code core.CloseCode, reason string) {
	err := p.c.Close(code, reason)
	p.b.note("%s closes with %d %s%s", p.name, code, brief(reason), suffix(err))
	p.b.supported(err)
}

// leave closes, or vanishes if the transport has no such thing.
func (p *peer) leave(code core.CloseCode, reason string) {
	if err := p.c.Close(code, reason); errors.Is(err, errors.ErrUnsupported) {
		p.abort()
		return
	}
	p.b.note("%s closes with %d %s", p.name, code, brief(reason))
}

func (p *peer) abort() {
	p.b.note("%s vanishes", p.name)
	p.c.Abort()
}

// heard waits until this, and no more, has been told to the session.
func (p *peer) heard(entries ...string) {
	p.b.until(func() bool { return len(p.session.Log()) >= len(entries) })
	got := p.session.Log()
	for n, want := range entries {
		switch {
		case n >= len(got):
			p.b.fatal(fmt.Sprintf("the session of %s is told %s", p.name, brief(want)), fmt.Sprintf("nothing more in %v, after %d of %d", patience, n, len(entries)))
		case got[n] != want:
			p.b.fatal(fmt.Sprintf("the session of %s is told %s, call %d of %d", p.name, brief(want), n+1, len(entries)), "it is told "+difference(got[n], want))
		}
	}
	if len(got) > len(entries) {
		p.b.fatal(fmt.Sprintf("the session of %s is told nothing more than %d times", p.name, len(entries)), "then it is told "+brief(got[len(entries)]))
	}
}

// closed waits until the session is told of the end, which has to have one of the
// codes. Nothing may come after it.
func (p *peer) closed(codes ...core.CloseCode) Ended {
	what := fmt.Sprintf("the session of %s is told that it is closed, with %s", p.name, strings.Trim(strings.ReplaceAll(fmt.Sprint(codes), ") ", ") or "), "[]"))
	select {
	case <-p.session.done:
	case <-time.After(patience):
		p.b.fatal(what, fmt.Sprintf("not in %v", patience))
	}
	time.Sleep(time.Second) // for calls that may not come any more
	synctest.Wait()
	p.session.mu.Lock()
	end := *p.session.end
	p.session.mu.Unlock()
	if !slices.Contains(codes, end.Code) {
		p.b.fatal(what, fmt.Sprintf("with %d %s", end.Code, brief(end.Reason)))
	}
	return end
}

// difference shows a text where it begins to differ from what was wanted.
func difference(got, want string) string {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	if at < 40 {
		return brief(got)
	}
	return fmt.Sprintf("a text of %d bytes, which differs from byte %d on: %s", len(got), at, brief(got[at:]))
}

// until waits for ok, but not for ever.
func (b *bubble) until(ok func() bool) {
	synctest.Wait()
	for waited := time.Duration(0); !ok() && waited < patience; waited += patience / 100 {
		time.Sleep(patience / 100)
		synctest.Wait()
	}
}
