package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// play is a scene while it is played.
type play struct {
	testing.TB
	stage   Stage
	clients map[string]Client // who is connected, by name
	names   map[string]string // what the scene calls a connection id, by the id
}

func (p *play) line(line string) {
	p.Helper()
	who, what, _ := strings.Cut(line, " ")
	verb, rest, _ := strings.Cut(what, " ")
	name, at, _ := strings.Cut(who, "@")
	client := p.clients[name]
	switch {
	case who == "performed":
		p.performed(what)
	case who == "gone":
		p.gone(what)
	case verb == "connects":
		p.clients[name] = p.dial(int(at[0] - '1'))
	case client == nil:
		p.Fatalf("%s is not there", name)
	case verb == ">":
		p.must(client.Send(rest))
	case verb == "<":
		if got, want := p.called(name, p.receive(client)), decode(p, rest); !reflect.DeepEqual(got, want) {
			p.Fatalf("%s got something else:\n\t%s, want\n\t%s", name, encode(p, got), encode(p, want))
		}
	case verb == "closed":
		got, err := client.Receive()
		if code, ok := errors.AsType[Closed](err); !ok || fmt.Sprint(int(code)) != rest {
			p.Fatalf("%s was not closed with %s: message %q, error %v", name, rest, got, err)
		}
		delete(p.clients, name)
	case verb == "leaves":
		p.quiet(client)
		p.must(client.Leave())
		delete(p.clients, name)
	case verb == "breaks":
		p.quiet(client)
		p.must(client.Break())
		delete(p.clients, name)
	default:
		p.Fatalf("nobody knows how to %q", line)
	}
}

func (p *play) dial(instance int) Client {
	p.Helper()
	client, err := p.stage.Dial(instance)
	p.must(err)
	return client
}

func (p *play) receive(client Client) any {
	p.Helper()
	got, err := client.Receive()
	p.must(err)
	return decode(p, got)
}

func (p *play) quiet(client Client) {
	p.Helper()
	if p.stage.Quiet != nil {
		p.must(p.stage.Quiet(client))
	}
}

func (p *play) performed(want string) {
	p.Helper()
	got, err := p.stage.Performed()
	p.must(err)
	if got != want {
		p.Fatalf("the side effect %s was performed, want %s", got, want)
	}
}

// gone ends a scene: those who are left were told nothing more, and the room is
// gone. Where nobody can look into the broker, clients find that out: who joins
// then opens the room.
func (p *play) gone(room string) {
	p.Helper()
	for _, client := range p.clients {
		p.quiet(client)
	}
	if p.stage.Gone != nil {
		p.must(p.stage.Gone(room))
		return
	}
	for n := range 1000 { // as a client does not learn when its Leave has been committed
		probe := p.dial(n % 2)
		p.must(probe.Send(fmt.Sprintf(`{"auth":"secret","user":"probe%d","room":%q,"role":"dietitian"}`, n, room)))
		answer, _ := p.receive(probe).(map[string]any)
		alone := answer["success"] == true && answer["room-full"] == false
		if alone {
			p.performed(fmt.Sprintf(`["room-opened",%q]`, room))
		}
		p.must(probe.Break())
		if alone {
			return
		}
	}
	p.Fatalf("%s is not gone", room)
}

// called replaces the connection ids in v, a decoded message to name, by what the
// scene calls them. An id that is new is that of the client that is told of it.
func (p *play) called(name string, v any) any {
	fields, _ := v.(map[string]any)
	for key, value := range fields {
		id, ok := value.(string)
		if !ok || key != "conn" {
			fields[key] = p.called(name, value)
			continue
		}
		if p.names[id] == "" {
			p.names[id] = "<" + name + ">"
		}
		fields[key] = p.names[id]
	}
	return v
}

func (p *play) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func decode(t testing.TB, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
