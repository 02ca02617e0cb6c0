package esttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

// Client is a connection to a [Cluster], as the client has it.
type Client struct {
	t     testing.TB
	stage stage
	name  connName
	id    core.ConnID
	read  int // messages that were expected so far
}

// stage is the cluster of a client, whatever its types are.
type stage interface {
	sendText(n connName, text string)
	endConn(n connName, how verb)
	seenBy(n connName) (seen []core.Message, open bool, code core.CloseCode)
	rename(text string) string
	soFar() string
}

// ID is the connection's.
func (c *Client) ID() core.ConnID { return c.id }

// Send sends v as JSON; a core.Message as it is, JSON or not.
func (c *Client) Send(v any) {
	c.t.Helper()
	c.stage.sendText(c.name, c.encode(v))
}

func (c *Client) encode(v any) string {
	c.t.Helper()
	if m, raw := v.(core.Message); raw {
		return string(m)
	}
	b, err := json.Marshal(v)
	if err != nil {
		c.t.Fatalf("esttest: a %T can't be encoded: %v", v, err)
	}
	return string(b)
}

// next is the next message; it fails the test if there is none.
func (c *Client) next(want string) core.Message {
	c.t.Helper()
	seen, open, code := c.stage.seenBy(c.name)
	if c.read == len(seen) {
		state := "got nothing"
		if !open {
			state = fmt.Sprintf("was closed (%v)", code)
		}
		c.t.Fatalf("esttest: %v %s; want %s%s", c.name, state, c.stage.rename(want), c.stage.soFar())
	}
	c.read++
	return seen[c.read-1]
}

// Expect says that the next message equals want, as JSON.
func (c *Client) Expect(want any) {
	c.t.Helper()
	text := c.encode(want)
	got := c.next(text)
	var x, y any
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		c.t.Fatalf("esttest: what %v is to expect is no JSON: %s: %v", c.name, text, err)
	}
	if err := decodeNumbers(got, &y); err != nil || decodeNumbers([]byte(text), &x) != nil {
		c.t.Fatalf("esttest: %v got %s, which is no JSON", c.name, got)
	}
	if diff := cmp.Diff(x, y); diff != "" {
		c.t.Fatalf("esttest: %v got another message (-want +got):\n%s%s", c.name, c.stage.rename(diff), c.stage.soFar())
	}
}

// decodeNumbers decodes with numbers as they are written.
func decodeNumbers(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

// ExpectFailure says that the next message is a failure of the default form with
// this id: "auth", "comm", or the application's own.
func (c *Client) ExpectFailure(id string) {
	c.t.Helper()
	got := c.next("the failure " + id)
	var frame struct {
		ID      string
		Success *bool
	}
	if err := json.Unmarshal(got, &frame); err != nil || frame.Success == nil || *frame.Success || frame.ID != id {
		c.t.Fatalf("esttest: %v got %s; want the failure %q%s", c.name, c.stage.rename(string(got)), id, c.stage.soFar())
	}
}

// ExpectClosed says that the connection was closed, after the messages expected so far.
func (c *Client) ExpectClosed() {
	c.t.Helper()
	c.ExpectNothing()
	if _, open, _ := c.stage.seenBy(c.name); open {
		c.t.Fatalf("esttest: %v is still open; want it closed%s", c.name, c.stage.soFar())
	}
}

// ExpectNothing says that there are no messages but those expected so far.
func (c *Client) ExpectNothing() {
	c.t.Helper()
	if seen, _, _ := c.stage.seenBy(c.name); c.read < len(seen) {
		c.t.Fatalf("esttest: %v got %s; want nothing%s", c.name, c.stage.rename(string(seen[c.read])), c.stage.soFar())
	}
}

// CloseCode is the code that the connection was closed with; 0 while it is open,
// or if the client itself ended it.
func (c *Client) CloseCode() core.CloseCode {
	_, _, code := c.stage.seenBy(c.name)
	return code
}

// Abort breaks the connection. Its instance notices, unless that is held.
func (c *Client) Abort() {
	c.t.Helper()
	c.stage.endConn(c.name, snap)
}

// Close closes the connection.
func (c *Client) Close() {
	c.t.Helper()
	c.stage.endConn(c.name, hangUp)
}
