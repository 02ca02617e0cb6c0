package pipe_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/pipe"
)

// BenchmarkRoundTrip compares a message there and back with the same over
// net.Pipe, where the far end is a goroutine that echoes.
func BenchmarkRoundTrip(b *testing.B) {
	message := core.Message(bytes.Repeat([]byte("1"), 100))
	b.Run("net.Pipe", func(b *testing.B) {
		here, there := net.Pipe()
		defer here.Close()
		go func() {
			p := make([]byte, 100)
			for {
				if _, err := io.ReadFull(there, p); err != nil {
					return
				}
				if _, err := there.Write(p); err != nil {
					return
				}
			}
		}()
		p := make([]byte, 100)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := here.Write(message); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(here, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pipe", func(b *testing.B) {
		c, err := pipe.Dial(acceptor{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Send(b.Context(), message); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Receive(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

type acceptor struct{}

func (acceptor) Accept(c transport.Conn, _ core.Handshake) (transport.Session, error) {
	return echo{c}, nil
}

type echo struct{ transport.Conn }

func (e echo) Receive(m []byte)              { _ = e.Write([][]byte{m}) } // Closed follows an error
func (e echo) Violated(core.CloseCode)       {}
func (e echo) Closed(core.CloseCode, string) {}
