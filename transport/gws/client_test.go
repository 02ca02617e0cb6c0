package gws_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
)

// client is a WebSocket client by hand, so that it can do wrong: every frame is
// made of its first byte and its payload.
type client struct {
	t    testing.TB
	net  net.Conn
	r    *bufio.Reader
	hear chan string // control frames that were read: "ping PAYLOAD", "pong PAYLOAD"
	mute bool        // doesn't answer pings and closes
	end  error       // how it ended, once a close frame or an error was read
}

const handshake = "GET /consult?a=1&a=2 HTTP/1.1\r\nHost: est.test\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// open does the handshake. headers are further lines of it, and early what is
// sent in the same write.
func open(t testing.TB, c net.Conn, headers, early string) *client {
	t.Helper()
	if _, err := io.WriteString(c, handshake+headers+"\r\n"+early); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("handshake answered %s, %v", answer.Status, answer.Header)
	}
	return &client{t: t, net: c, r: r, hear: make(chan string, 100)}
}

// frame is a masked frame.
func frame(first byte, payload []byte) []byte {
	return append(header(first, 0x80, len(payload)), mask(payload)...)
}

// header is the header of a frame, with a mask key if masked is 0x80 and without if it is 0.
func header(first, masked byte, n int) []byte {
	b := []byte{first}
	switch {
	case n <= 125:
		b = append(b, masked|byte(n))
	case n <= 0xFFFF:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	if masked != 0 {
		b = append(b, maskKey...)
	}
	return b
}

var maskKey = []byte{1, 2, 3, 4}

func mask(p []byte) []byte {
	p = bytes.Clone(p)
	for i := range p {
		p[i] ^= maskKey[i%4]
	}
	return p
}

func (c *client) write(b []byte) error {
	_, err := c.net.Write(b)
	return err
}

// next reads a frame of the server's, which has no mask and is not fragmented.
func (c *client) next() (first byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	if n > 125 {
		size := make([]byte, map[byte]int{126: 2, 127: 8}[h[1]])
		if _, err := io.ReadFull(c.r, size); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, b := range size {
			n = n<<8 | uint64(b)
		}
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return h[0], payload, err
}

func (c *client) Send(text string) error { return c.write(frame(0x81, []byte(text))) }

func (c *client) Violate(code core.CloseCode) error {
	switch code {
	case core.CloseBinary:
		return c.write(frame(0x82, []byte("binary")))
	case core.CloseTooBig:
		return c.write(frame(0x81, make([]byte, 64<<10+1)))
	default:
		return c.write(frame(0x81, []byte("\xff")))
	}
}

// Receive reads up to the next text, answering pings and a close, as clients do.
func (c *client) Receive() (string, error) {
	for c.end == nil {
		first, payload, err := c.next()
		if err != nil {
			c.end = err
			break
		}
		switch first {
		case 0x81:
			return string(payload), nil
		case 0x88:
			end := &conformance.Ended{}
			if len(payload) >= 2 {
				end.Code = core.CloseCode(binary.BigEndian.Uint16(payload))
				end.Reason = string(payload[2:])
			}
			c.end = end
			if !c.mute {
				_ = c.write(frame(0x88, payload)) // the server may be gone already
			}
		case 0x89:
			c.hear <- "ping " + string(payload)
			if !c.mute {
				_ = c.write(frame(0x8A, payload)) // likewise
			}
		case 0x8A:
			c.hear <- "pong " + string(payload)
		default:
			c.end = fmt.Errorf("frame of type %#x", first)
		}
	}
	return "", c.end
}

func (c *client) Close(code core.CloseCode, reason string) error {
	payload := append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
	return c.write(frame(0x88, payload))
}

func (c *client) Abort() { _ = c.net.Close() }
