package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/examples/consult/scenario"
)

// TestScenario plays the scenes of the consult example against the program. The
// example's own tests play the same ones in memory, and look closer: here nobody
// can know that a message does not come, or look into the broker.
func TestScenario(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("instances=%d", n), func(t *testing.T) {
			p := start(t, "127.0.0.1:0", n)
			for _, scene := range scenario.Scenes() {
				t.Run(scene.Title, func(t *testing.T) {
					scene.Play(t, scenario.Stage{
						Dial: func(instance int) (scenario.Client, error) {
							return actor{t, p.dial(t, instance)}, nil
						},
						Performed: func() (string, error) { return p.performed(t) },
					})
				})
			}
		})
	}
}

func (p *program) dial(t *testing.T, instance int) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(within(t), "ws://"+p.addrs[instance%len(p.addrs)]+"/consult", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// performed waits for the next side effect. The program logs ["a","b"] as [a b].
func (p *program) performed(t *testing.T) (string, error) {
	select {
	case got := <-p.effects:
		effect, err := json.Marshal(strings.Fields(strings.Trim(got, "[]")))
		return string(effect), err
	case <-within(t).Done():
		return "", errors.New("no side effect was performed")
	}
}

// actor is a client in a scene.
type actor struct {
	t    *testing.T
	conn *websocket.Conn
}

func (a actor) Send(message string) error {
	return a.conn.Write(within(a.t), websocket.MessageText, []byte(message))
}

func (a actor) Receive() (string, error) {
	kind, message, err := a.conn.Read(within(a.t))
	if code := websocket.CloseStatus(err); code >= 0 {
		return "", scenario.Closed(code)
	}
	if err == nil && kind != websocket.MessageText {
		err = errors.New("not a text message")
	}
	return string(message), err
}

func (a actor) Leave() error { return a.conn.Close(websocket.StatusNormalClosure, "") }
func (a actor) Break() error { return a.conn.CloseNow() }
