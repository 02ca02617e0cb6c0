package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/examples/consult/scenario"
	"github.com/spinneyio/est/internal/redistest"
)

// TestScenario plays the scenes of the consult example against the program. The
// example's own tests play the same ones in memory, and look closer: here nobody
// can know that a message does not come, or look into the broker.
func TestScenario(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("instances=%d", n), func(t *testing.T) {
			p := start(t, "127.0.0.1:0", n)
			perform(t, func(instance int) (*program, string) { return p, p.addrs[instance%n] })
		})
	}
	t.Run("processes=2", func(t *testing.T) {
		server := redistest.Start(t, nil)
		processes := []*program{startOn(t, server.Addr()), startOn(t, server.Addr())}
		perform(t, func(instance int) (*program, string) { p := processes[instance]; return p, p.addrs[0] })
	})
}

// perform plays all scenes. at says which program an instance is in, and where.
func perform(t *testing.T, at func(instance int) (*program, string)) {
	for _, scene := range scenario.Scenes() {
		t.Run(scene.Title, func(t *testing.T) {
			scene.Play(t, scenario.Stage{
				Dial: func(instance int) (scenario.Client, error) {
					_, addr := at(instance)
					return actor{t, dial(t, addr)}, nil
				},
				Performed: func() (string, error) {
					first, _ := at(0)
					second, _ := at(1)
					return performed(t, first, second)
				},
			})
		})
	}
}

func dial(t *testing.T, addr string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(within(t), "ws://"+addr+"/consult", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// performed waits for the next side effect of two programs, which may be the same.
// They log ["a","b"] as [a b].
func performed(t *testing.T, p, q *program) (string, error) {
	var got string
	select {
	case got = <-p.effects:
	case got = <-q.effects:
	case <-within(t).Done():
		return "", errors.New("no side effect was performed")
	}
	effect, err := json.Marshal(strings.Fields(strings.Trim(got, "[]")))
	return string(effect), err
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
