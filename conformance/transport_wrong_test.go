package conformance_test

import (
	"sync"
	"testing"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

// wrong is what is different on one connection of transport/pipe. A nil field
// stays as it is; the others get what they replace a method of.
type wrong struct {
	options *pipe.Options

	accept func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error)

	write func(c transport.Conn, messages [][]byte) error
	close func(c transport.Conn, code core.CloseCode, reason string)

	receive  func(s transport.Session, message []byte)
	violated func(s transport.Session, code core.CloseCode)
	closed   func(s transport.Session, code core.CloseCode, reason string)

	get     func(c client) (string, error) // the client's Receive
	violate func(c client, code core.CloseCode) error
	leave   func(c client, code core.CloseCode, reason string) error // the client's Close
	abort   func(c client)
}

// dialWrong is dialPipe with each connection made wrong.
func dialWrong(each func() wrong) conformance.Dial {
	return dialShared(func(*shared) wrong { return each() })
}

// shared is what the connections of one instance have in common.
type shared struct {
	lock chan struct{} // not a mutex: in the bubble time would stand still

	mu     sync.Mutex // protects latest
	latest transport.Conn
}

// dialShared is dialWrong for connections that have something in common.
func dialShared(each func(*shared) wrong) conformance.Dial {
	var all sync.Map // a *shared by instance, and so by bubble
	return func(t testing.TB, i transport.Acceptor) (conformance.Client, error) {
		s, _ := all.LoadOrStore(i, &shared{lock: make(chan struct{}, 1)})
		w := each(s.(*shared))
		c, err := pipe.Dial(wrongAcceptor{i, &w}, w.options)
		if err != nil {
			return nil, err
		}
		return wrongClient{client{t, c}, &w}, nil
	}
}

type wrongAcceptor struct {
	transport.Acceptor
	*wrong
}

func (a wrongAcceptor) Accept(c transport.Conn, h core.Handshake) (transport.Session, error) {
	c = wrongConn{c, a.wrong}
	accept := transport.Acceptor.Accept
	if a.accept != nil {
		accept = a.accept
	}
	s, err := accept(a.Acceptor, c, h)
	if err != nil {
		return nil, err
	}
	return wrongSession{s, a.wrong}, nil
}

type wrongConn struct {
	transport.Conn
	*wrong
}

func (c wrongConn) Write(messages [][]byte) error {
	if c.write == nil {
		return c.Conn.Write(messages)
	}
	return c.write(c.Conn, messages)
}

func (c wrongConn) Close(code core.CloseCode, reason string) {
	if c.close == nil {
		c.Conn.Close(code, reason)
		return
	}
	c.close(c.Conn, code, reason)
}

type wrongSession struct {
	transport.Session
	*wrong
}

func (s wrongSession) Receive(message []byte) {
	if s.receive == nil {
		s.Session.Receive(message)
		return
	}
	s.receive(s.Session, message)
}

func (s wrongSession) Violated(code core.CloseCode) {
	if s.violated == nil {
		s.Session.Violated(code)
		return
	}
	s.violated(s.Session, code)
}

func (s wrongSession) Closed(code core.CloseCode, reason string) {
	if s.closed == nil {
		s.Session.Closed(code, reason)
		return
	}
	s.closed(s.Session, code, reason)
}

type wrongClient struct {
	client
	*wrong
}

func (c wrongClient) Receive() (string, error) {
	if c.get == nil {
		return c.client.Receive()
	}
	return c.get(c.client)
}

func (c wrongClient) Violate(code core.CloseCode) error {
	if c.violate == nil {
		return c.client.Violate(code)
	}
	return c.violate(c.client, code)
}

func (c wrongClient) Close(code core.CloseCode, reason string) error {
	if c.leave == nil {
		return c.client.Close(code, reason)
	}
	return c.leave(c.client, code, reason)
}

func (c wrongClient) Abort() {
	if c.abort == nil {
		c.client.Abort()
		return
	}
	c.abort(c.client)
}
