package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/core"
)

// TestBadInput sends what no good client would, each over a connection of its own.
// Every client gets what core/close.go documents and nothing that is internal,
// and a witness on the same instance is served all the time.
func TestBadInput(t *testing.T) {
	tests := []struct {
		name  string
		sends func(c *client)
		hears []string // besides the welcome
		code  core.CloseCode
	}{
		{"not JSON", func(c *client) { c.text(hello, "{") },
			[]string{"comm failed 1007"}, core.CloseNotJSON},
		{"not JSON as a hello", func(c *client) { c.text("hello") },
			[]string{"auth failed 1007"}, core.CloseNotJSON},
		{"nothing as a hello", func(c *client) { c.text("") },
			[]string{"auth failed 1007"}, core.CloseNotJSON},
		{"not UTF-8", func(c *client) { c.text(hello, "\"\xff\"") },
			[]string{"comm failed 1007"}, core.CloseNotJSON},
		{"an array as a hello", func(c *client) { c.text(`["x"]`) },
			[]string{"auth failed 1"}, core.ClosePolicy},
		{"an array", func(c *client) { c.text(hello, `["x"]`, `{"close":true}`) },
			[]string{"comm failed 1", `{"close":true}`}, core.CloseNormal},
		{"binary", func(c *client) { c.text(hello); c.send(websocket.MessageBinary, []byte(`{}`)) },
			[]string{"comm failed 1003"}, core.CloseBinary},
		{"binary as a hello", func(c *client) { c.send(websocket.MessageBinary, []byte(hello)) },
			[]string{"auth failed 1003"}, core.CloseBinary},
		{"1 MiB", func(c *client) { c.text(hello, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`) },
			[]string{"comm failed 1009"}, core.CloseTooBig},
		{"deep nesting", func(c *client) { c.text(hello, strings.Repeat("[", 20_000)) },
			[]string{"comm failed 1007"}, core.CloseNotJSON},
		{"no hello", func(c *client) {},
			[]string{"auth failed 1008"}, core.ClosePolicy},
		{"a panic", func(c *client) { c.text(hello, `{"panic":true}`) },
			[]string{"comm failed 1011"}, core.CloseBug},
		{"a panic in the hello", func(c *client) { c.text(`{"user":"panic"}`) },
			[]string{"auth failed 1011"}, core.CloseBug},
		{"an outcome that is invalid", func(c *client) { c.text(hello, `{"invalid":true}`) },
			[]string{"comm failed 1011"}, core.CloseBug},
	}
	server := serve(t)
	witness := server.witness(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := server.dial(t)
			tt.sends(c)
			got, code := c.hear()
			if fmt.Sprint(got) != fmt.Sprint(tt.hears) || code != tt.code {
				t.Errorf("it heard %s and was closed with %d, want %s and %d", got, code, tt.hears, tt.code)
			}
			c.check()
			witness(t)
		})
	}
}

// TestFlood sends 100,000 messages as fast as it can, and reads only then. It is
// cut off for being too fast, and learns why.
func TestFlood(t *testing.T) {
	server := serve(t)
	witness := server.witness(t)
	c := server.dial(t)
	c.text(hello)
	sent := 0
	for sent < 100_000 && c.conn.Write(within(t), websocket.MessageText, []byte(`{"n":1}`)) == nil {
		if sent++; sent%10_000 == 0 {
			witness(t)
		}
	}
	got, code := c.hear()
	if last := got[len(got)-1]; last != "comm failed 1008" || code != core.ClosePolicy {
		t.Errorf("after %d messages it heard %s and was closed with %d", sent, last, code)
	}
	if answers := len(got) - 1; answers < 10*rate-1 || answers > 30*rate {
		t.Errorf("it got %d answers, but may send %d messages a second", answers, rate)
	}
	c.check()
	witness(t)
}

// TestSilentReader has 15 MB sent to it by another client and does not read. It is
// cut off, long before that much has piled up, and finds the close code when it
// reads at last.
func TestSilentReader(t *testing.T) {
	server := serve(t)
	witness := server.witness(t)
	c, talker := server.dial(t), server.dial(t)
	c.text(`{"user":"silent"}`)
	c.expect(welcome)
	talker.text(hello)
	talker.expect(welcome)
	const told = 10*rate - 1 // as many as are not too fast
	for n := range told {
		m := `{"tell":"silent","x":"` + strings.Repeat("x", 15_000) + `"}`
		talker.text(m)
		talker.expect(m)
		if n%100 == 0 {
			witness(t)
		}
	}
	got, code := c.hear()
	if code != core.ClosePolicy || len(got) > told/2 {
		t.Errorf("it heard %d of %d messages and was closed with %d", len(got), told, code)
	}
	c.check()
	witness(t)
}

// TestLateReader asks for 15 MB of answers before it begins to read. It is read
// from slowly meanwhile, and gets them all.
func TestLateReader(t *testing.T) {
	server := serve(t)
	witness := server.witness(t)
	c := server.dial(t)
	c.text(hello)
	c.expect(welcome)
	const asked = 10*rate - 10
	sent := make(chan error, 1)
	go func() {
		for range asked {
			if err := c.conn.Write(within(t), websocket.MessageText, []byte(`{"x":"`+strings.Repeat("x", 15_000)+`"}`)); err != nil {
				sent <- err
				return
			}
		}
		sent <- c.conn.Write(within(t), websocket.MessageText, []byte(`{"close":true}`))
	}()
	for range 100 {
		witness(t)
	}
	got, code := c.hear()
	if code != core.CloseNormal || len(got) != asked+1 {
		t.Errorf("it heard %d of %d messages and was closed with %d", len(got), asked+1, code)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	witness(t)
}

func TestForeignOrigin(t *testing.T) {
	server := serve(t)
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "http://evil.example",
	} {
		request.Header.Set(key, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a page of %s got %s", request.Header.Get("Origin"), response.Status)
	}
	checkNothingInternal(t, fmt.Append(nil, response.Header, string(body)))
	server.witness(t)(t)
}
