package gws_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	lxzan "github.com/lxzan/gws"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/gws"
)

// BenchmarkEcho compares this package with plain gws, which writes message by
// message. batched is what an instance does: it writes what has gathered while it
// wrote. Each operation is one message of 100 bytes there and back.
func BenchmarkEcho(b *testing.B) {
	for _, load := range []struct{ connections, window int }{{1, 1}, {64, 1}, {64, 16}} {
		for _, server := range []struct {
			name    string
			handler http.Handler
		}{
			{"plain", plain()},
			{"direct", gws.Handler(echo(direct), nil)},
			{"batched", gws.Handler(echo(batched), nil)},
		} {
			b.Run(fmt.Sprintf("%dx%d/%s", load.connections, load.window, server.name), func(b *testing.B) {
				benchmarkEcho(b, server.handler, load.connections, load.window)
			})
		}
	}
}

func benchmarkEcho(b *testing.B, h http.Handler, connections, window int) {
	server := httptest.NewUnstartedServer(h)
	l := &counting{Listener: server.Listener}
	server.Listener = l
	server.Start()
	defer server.Close()
	clients := make([]*client, connections)
	for n := range clients {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		clients[n] = open(b, c, "", "")
		defer c.Close()
	}
	request := bytes.Repeat(frame(0x81, bytes.Repeat([]byte("x"), 100)), window)
	rounds := max(1, b.N/connections/window)
	l.reads.Store(0)
	l.writes.Store(0)
	b.ResetTimer()
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			answer := make([]byte, 102*window)
			for range rounds {
				if err := c.write(request); err != nil {
					b.Error(err)
					return
				}
				for got := 0; got < len(answer); {
					n, err := c.r.Read(answer[got:])
					if err != nil {
						b.Error(err)
						return
					}
					got += n
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	messages := float64(rounds * connections * window)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/messages, "ns/msg")
	b.ReportMetric(float64(l.writes.Load())/messages, "writes/msg")
	b.ReportMetric(float64(l.reads.Load())/messages, "reads/msg")
}

// plain is gws by itself, as its README has it.
func plain() http.Handler {
	u := lxzan.NewUpgrader(plainEcho{}, &lxzan.ServerOption{CheckUtf8Enabled: true})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := u.Upgrade(w, r); err == nil {
			go c.ReadLoop()
		}
	})
}

type plainEcho struct{ lxzan.BuiltinEventHandler }

func (plainEcho) OnMessage(c *lxzan.Conn, m *lxzan.Message) {
	_ = c.WriteMessage(m.Opcode, m.Bytes()) // gws ends the connection itself
	_ = m.Close()
}

// echo makes an acceptor of a way to make sessions.
type echo func(transport.Conn) transport.Session

func (e echo) Accept(c transport.Conn, _ core.Handshake) (transport.Session, error) { return e(c), nil }

func direct(c transport.Conn) transport.Session { return directEcho{c} }

type directEcho struct{ transport.Conn }

func (e directEcho) Receive(m []byte)              { _ = e.Write([][]byte{m}) } // Closed follows an error
func (e directEcho) Violated(code core.CloseCode)  { e.Close(code, "") }
func (e directEcho) Closed(core.CloseCode, string) {}

func batched(c transport.Conn) transport.Session {
	e := &batchedEcho{Conn: c, more: make(chan struct{}, 1)}
	go e.write()
	return e
}

type batchedEcho struct {
	transport.Conn
	more chan struct{} // closed at the end

	mu    sync.Mutex // protects queue
	queue [][]byte
}

func (e *batchedEcho) Receive(m []byte) {
	e.mu.Lock()
	e.queue = append(e.queue, m)
	e.mu.Unlock()
	select {
	case e.more <- struct{}{}:
	default:
	}
}

func (e *batchedEcho) write() {
	var batch [][]byte
	for range e.more {
		e.mu.Lock()
		batch, e.queue = e.queue, batch[:0]
		e.mu.Unlock()
		_ = e.Write(batch) // Closed follows an error
		clear(batch)
	}
}

func (e *batchedEcho) Violated(code core.CloseCode)  { e.Close(code, "") }
func (e *batchedEcho) Closed(core.CloseCode, string) { close(e.more) }
