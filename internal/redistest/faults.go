package redistest

import (
	"net"
	"sync"
)

// Cut breaks all connections, on both sides by a reset, as when a host on the way
// dies. New ones work at once. Those that a black hole has swallowed stay as they
// are. The server may take a moment to notice.
func (p *Proxy) Cut() {
	p.control.Lock()
	defer p.control.Unlock()
	p.knock()
	p.cut()
}

// cut is Cut with p.control held. When it returns nothing is passed on any more.
func (p *Proxy) cut() {
	links := p.detach(nil)
	for _, l := range links {
		l.reset()
	}
	for _, l := range links {
		<-l.ended
	}
}

// Hold breaks all connections as Cut does, and refuses new ones until release is
// called: nobody listens, so that connecting fails at once, as to a host without
// the server. To call release again does nothing. Of several holds, the last
// release counts.
func (p *Proxy) Hold() (release func()) {
	p.control.Lock()
	defer p.control.Unlock()
	p.holds++
	p.shut()
	p.cut()
	return sync.OnceFunc(func() {
		p.control.Lock()
		defer p.control.Unlock()
		p.holds--
		if p.holds == 0 && !p.closed {
			p.reopen()
		}
	})
}

// reopen listens again at the same address. p.control is held.
func (p *Proxy) reopen() {
	err := until(func() error { // somebody may be looking whether the port is free
		l, err := net.Listen("tcp", p.addr)
		if err == nil {
			p.serve(l.(*net.TCPListener))
		}
		return err
	})
	if err != nil {
		p.t.Errorf("redistest: the proxy at %s can't be reached again: %v", p.addr, err)
	}
}

// BlackHole lets all connections carry nothing any more, in either direction, and
// stay open, as when a cable is pulled: what a side sends is taken by the system
// until its buffers are full, and then waits. The server keeps its side, with the
// subscriptions. New connections are accepted by the system, and dead as well.
//
// After heal new connections work. Those from before stay dead until the test
// ends, whatever happens to them or to the server: neither side learns that the
// other has closed. To call heal again does nothing. Of several black holes, the
// last heal counts.
func (p *Proxy) BlackHole() (heal func()) {
	p.control.Lock()
	defer p.control.Unlock()
	for _, l := range p.detach(func() { p.holes++ }) {
		l.freeze()
		<-l.ended
	}
	return sync.OnceFunc(func() {
		p.control.Lock()
		defer p.control.Unlock()
		p.knock()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.holes--
	})
}

// detach takes all links that carry something away from the proxy, to be reset; or
// if there is a hole to be dug, to stay dead in it.
func (p *Proxy) detach(dig func()) []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var links []*link
	for l := range p.links {
		l.detached = true
		links = append(links, l)
	}
	clear(p.links)
	if dig != nil {
		dig()
		p.dead = append(p.dead, links...)
	}
	return links
}
