package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// TestScenario plays the scenes of the consult example against the program. The
// example's own scenario_test.go plays the same ones in memory, and looks closer:
// here nobody can know that a message does not come, or look into the broker.
func TestScenario(t *testing.T) {
	text, err := os.ReadFile("../examples/consult/testdata/scenario.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("instances=%d", n), func(t *testing.T) {
			p := start(t, "127.0.0.1:0", n)
			for _, scene := range strings.Split(string(text), "\n== ")[1:] {
				title, lines, _ := strings.Cut(scene, "\n")
				t.Run(title, func(t *testing.T) {
					s := &stage{t, p, map[string]*websocket.Conn{}, map[string]string{}}
					for line := range strings.Lines(lines) {
						if line = strings.TrimSpace(line); line != "" {
							t.Log(line)
							s.play(line)
						}
					}
				})
			}
		})
	}
}

// stage is what a scene is played on.
type stage struct {
	t       *testing.T
	program *program
	clients map[string]*websocket.Conn
	ids     map[string]string // connection ids, and what the scene calls them
}

func (s *stage) play(line string) {
	s.t.Helper()
	who, what, _ := strings.Cut(line, " ")
	verb, rest, _ := strings.Cut(what, " ")
	name, at, _ := strings.Cut(who, "@")
	client := s.clients[name]
	switch {
	case who == "performed":
		s.performed(what)
	case who == "gone":
		s.gone(what)
	case verb == "connects":
		number := int(at[0] - '1')
		s.clients[name] = s.dial(s.program.addrs[number%len(s.program.addrs)])
	case verb == ">":
		s.send(client, rest)
	case verb == "<":
		got := s.receive(client)
		s.rename(name, got)
		var want any
		if err := json.Unmarshal([]byte(rest), &want); err != nil {
			s.t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			s.t.Fatalf("%s got\n\t%v, want\n\t%v", name, got, want)
		}
	case verb == "closed":
		kind, got, err := client.Read(within(s.t))
		if fmt.Sprint(int(websocket.CloseStatus(err))) != rest {
			s.t.Fatalf("%s was not closed with %s: %v message %q, error %v", name, rest, kind, got, err)
		}
	case verb == "leaves":
		if err := client.Close(websocket.StatusNormalClosure, ""); err != nil {
			s.t.Fatal(err)
		}
	case verb == "breaks":
		if err := client.CloseNow(); err != nil {
			s.t.Fatal(err)
		}
	default:
		s.t.Fatalf("nobody knows how to %q", line)
	}
}

func (s *stage) dial(addr string) *websocket.Conn {
	s.t.Helper()
	client, _, err := websocket.Dial(within(s.t), "ws://"+addr+"/consult", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { client.CloseNow() })
	return client
}

func (s *stage) send(client *websocket.Conn, text string) {
	s.t.Helper()
	if err := client.Write(within(s.t), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) receive(client *websocket.Conn) (v any) {
	s.t.Helper()
	kind, text, err := client.Read(within(s.t))
	if err == nil && kind != websocket.MessageText {
		err = errors.New("not a text message")
	}
	if err = errors.Join(err, json.Unmarshal(text, &v)); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// performed waits for the next side effect. The program logs ["a","b"] as [a b].
func (s *stage) performed(want string) {
	s.t.Helper()
	var effect []string
	if err := json.Unmarshal([]byte(want), &effect); err != nil {
		s.t.Fatal(err)
	}
	select {
	case got := <-s.program.effects:
		if got != fmt.Sprint(effect) {
			s.t.Fatalf("the side effect %s was performed, want %s", got, effect)
		}
	case <-within(s.t).Done():
		s.t.Fatalf("no side effect was performed, want %s", effect)
	}
}

// gone finds out from outside whether a room is gone: who joins then opens it. As
// a client does not learn when its Leave has been committed, probes join until
// one does not find anybody.
func (s *stage) gone(room string) {
	s.t.Helper()
	ctx := within(s.t)
	for n := 1; ctx.Err() == nil; n++ {
		user := fmt.Sprintf("probe%d", n)
		probe := s.dial(s.program.addrs[n%len(s.program.addrs)])
		s.send(probe, fmt.Sprintf(`{"auth":"secret","user":%q,"room":%q,"role":"dietitian"}`, user, room))
		answer := s.receive(probe).(map[string]any)
		alone := answer["success"] == true && answer["room-full"] == false
		if alone {
			s.performed(fmt.Sprintf(`["room-opened",%q]`, room))
		}
		if err := probe.CloseNow(); err != nil {
			s.t.Fatal(err)
		}
		if alone {
			return
		}
	}
	s.t.Fatalf("%s is not gone", room)
}

// rename replaces the connection ids in v, a message to name, by what the scene
// calls them. One that is new is that of the client that is told of it.
func (s *stage) rename(name string, v any) {
	fields, _ := v.(map[string]any)
	for key, value := range fields {
		id, ok := value.(string)
		if !ok || key != "conn" {
			s.rename(name, value)
			continue
		}
		if s.ids[id] == "" {
			s.ids[id] = "<" + name + ">"
		}
		fields[key] = s.ids[id]
	}
}
