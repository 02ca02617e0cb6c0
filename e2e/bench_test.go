package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	lxzan "github.com/lxzan/gws"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport/gws"
)

// BenchmarkEcho has 64 connections with 1 or 16 messages of 128 bytes each in
// flight, through all of est and through plain gws, which writes each message by
// itself and checks no JSON. writes/msg are the server's system calls.
func BenchmarkEcho(b *testing.B) {
	for _, window := range []int{1, 16} {
		b.Run(fmt.Sprintf("64x%d/est", window), func(b *testing.B) { benchmarkEcho(b, estEcho(b), window) })
		b.Run(fmt.Sprintf("64x%d/plain-gws", window), func(b *testing.B) { benchmarkEcho(b, plainEcho(), window) })
	}
}

func benchmarkEcho(b *testing.B, h http.Handler, window int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	counted := &countingListener{Listener: listener}
	server := &http.Server{Handler: h}
	go server.Serve(counted)
	defer server.Close()

	const connections = 64
	message := fmt.Appendf(nil, `{"op":"add","pad":"%s"}`, bytes.Repeat([]byte("x"), 106))
	request := bytes.Repeat(maskedFrame(message), window)
	rounds := max(1, b.N/connections/window)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(connections)
	for range connections {
		done.Go(func() {
			c, r, err := dialRaw(listener.Addr().String())
			ready.Done()
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			answer := make([]byte, (len(message)+4)*window) // unmasked, of 126 bytes or more
			<-start
			for range rounds {
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(r, answer); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	ready.Wait()
	counted.writes.Store(0)
	b.ReportAllocs()
	b.ResetTimer()
	close(start)
	done.Wait()
	b.StopTimer()
	messages := float64(rounds * connections * window)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/messages, "ns/msg")
	b.ReportMetric(float64(counted.writes.Load())/messages, "writes/msg")
}

// estEcho answers each message with itself, without a room.
func estEcho(b *testing.B) http.Handler {
	type outcome = core.Outcome[struct{}, struct{}]
	nothing := func(core.Conn, struct{}, struct{}) outcome { return outcome{} }
	i, err := instance.New(core.Integration[struct{}, struct{}]{
		Name:                  "echo",
		AuthenticateOnConnect: true,
		Authenticate:          func(core.Conn, core.Message) (none struct{}, _ *core.Failure) { return none, nil },
		Identity:              func(core.Conn, struct{}) string { return "" },
		Room:                  func(core.Conn, struct{}) string { return "" },
		Join:                  nothing,
		Receive:               func(_ core.Conn, _, _ struct{}, m core.Message) outcome { return outcome{Reply: m} },
		Leave:                 nothing,
	}, memory.New(nil), &instance.Options{Rate: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := i.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return gws.Handler(i, nil)
}

// plainEcho is gws by itself, as its README has it.
func plainEcho() http.Handler {
	u := lxzan.NewUpgrader(plainEvents{}, &lxzan.ServerOption{CheckUtf8Enabled: true})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := u.Upgrade(w, r); err == nil {
			go c.ReadLoop()
		}
	})
}

type plainEvents struct{ lxzan.BuiltinEventHandler }

func (plainEvents) OnMessage(c *lxzan.Conn, m *lxzan.Message) {
	_ = c.WriteMessage(m.Opcode, m.Bytes()) // gws ends the connection itself
	_ = m.Close()
}

// countingListener counts the writes of its connections.
type countingListener struct {
	net.Listener
	writes atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, &l.writes}, err
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// dialRaw shakes hands by hand: a client that costs as little as possible.
func dialRaw(addr string) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", addr)
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	if err == nil && response.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("e2e: handshake: %s", response.Status)
	}
	return c, r, err
}

// maskedFrame is a text frame of a client, with the mask 0: the text as it is.
func maskedFrame(text []byte) []byte {
	f := []byte{0x81, 0x80 | 126, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}
	return append(f, text...)
}
