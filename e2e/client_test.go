package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/core"
)

// client is a WebSocket client that keeps every byte that the server sent.
type client struct {
	t    *testing.T
	conn *websocket.Conn
	wire *recorder
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	c := &client{t: t, wire: &recorder{}}
	conn, _, err := websocket.Dial(within(t), s.url, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
				c.wire.Conn, err = new(net.Dialer).DialContext(ctx, network, addr)
				return c.wire, err
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	c.conn = conn
	return c
}

// witness connects a good client, and answers with a check that it is served.
func (s *server) witness(t *testing.T) func(t *testing.T) {
	t.Helper()
	c := s.dial(t)
	c.text(hello)
	c.expect(welcome)
	n := 0
	return func(t *testing.T) {
		t.Helper()
		n++
		c.t = t
		c.text(fmt.Sprintf(`{"n":%d}`, n))
		c.expect(fmt.Sprintf(`{"n":%d}`, n))
	}
}

func (c *client) text(messages ...string) {
	c.t.Helper()
	for _, m := range messages {
		c.send(websocket.MessageText, []byte(m))
	}
}

func (c *client) send(kind websocket.MessageType, message []byte) {
	c.t.Helper()
	if err := c.conn.Write(within(c.t), kind, message); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) expect(want string) {
	c.t.Helper()
	_, got, err := c.conn.Read(within(c.t))
	if err != nil || string(got) != want {
		c.t.Fatalf("the client got %s, error %v, want %s", got, err, want)
	}
}

// hear reads to the end: what came besides the welcome, and how it ended. A
// failure is told as its id and code.
func (c *client) hear() (heard []string, code core.CloseCode) {
	c.t.Helper()
	for {
		_, text, err := c.conn.Read(within(c.t))
		if err != nil {
			code = core.CloseCode(max(0, websocket.CloseStatus(err)))
			if code == 0 {
				c.t.Errorf("the connection ended without a close code: %v", err)
			}
			return heard, code
		}
		var failure struct {
			ID     string            `json:"id"`
			Code   int               `json:"error-code"`
			Errors map[string]string `json:"errors"`
		}
		if err := json.Unmarshal(text, &failure); err != nil {
			c.t.Fatal(err)
		}
		switch {
		case failure.Errors[failure.ID] != "":
			heard = append(heard, fmt.Sprintf("%s failed %d", failure.ID, failure.Code))
		case string(text) != welcome:
			heard = append(heard, string(text))
		}
	}
}

// check fails if anything internal was among what the server sent.
func (c *client) check() {
	c.t.Helper()
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	checkNothingInternal(c.t, c.wire.all.Bytes())
}

var (
	internal = regexp.MustCompile(`(?i)panic|goroutine|\.go:|gws|runtime`)
	random   = regexp.MustCompile(`(?i)Sec-WebSocket-Accept: \S+`) // might spell anything
)

func checkNothingInternal(t *testing.T, sent []byte) {
	t.Helper()
	if len(sent) == 0 {
		t.Error("nothing was recorded: this check can't fail")
	}
	if found := internal.FindAll(random.ReplaceAll(sent, nil), -1); found != nil {
		t.Errorf("the server sent %q, which is internal, in\n%.2000q", found, sent)
	}
}

// recorder is a net.Conn that keeps what was read from it.
type recorder struct {
	net.Conn
	mu  sync.Mutex // protects all
	all bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Write(p[:n])
	return n, err
}
