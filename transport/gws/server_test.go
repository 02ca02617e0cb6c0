package gws_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/gws"
)

func TestPromises(t *testing.T) {
	conformance.RunTransport(t, func(t testing.TB, i transport.Acceptor) (conformance.Client, error) {
		return open(t, serveMemory(t, gws.Handler(i, nil))(), "", ""), nil
	})
}

// serveMemory runs an HTTP server whose connections are net.Pipes: time may be
// fake there. wrap, if given, wraps its listener. What it returns connects.
func serveMemory(t testing.TB, h http.Handler, wrap ...func(net.Listener) net.Listener) (dial func() net.Conn) {
	l := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
	var listener net.Listener = l
	for _, w := range wrap {
		listener = w(listener)
	}
	server := &http.Server{Handler: h}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return func() net.Conn {
		here, there := net.Pipe()
		l.conns <- there
		t.Cleanup(func() { _ = here.Close() })
		return here
	}
}

// memory is a net.Listener.
type memory struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *memory) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memory) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memory) Addr() net.Addr { return &net.TCPAddr{} }

// serveTCP runs an HTTP server on the loopback interface.
func serveTCP(t testing.TB, h http.Handler) (dial func() net.Conn) {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return func() net.Conn {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}
