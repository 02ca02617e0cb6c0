// Package scenario says what consult must do, as a play, and plays it. The play is
// scenario.txt. What it is played on is a [Stage]: a [Cluster] on whatever brokers,
// or one that whoever tests consult builds, such as over real sockets.
//
//	stage := scenario.Cluster(t, brokers, 20*time.Second)
//	for _, scene := range scenario.Scenes() {
//		t.Run(scene.Title, func(t *testing.T) { scene.Play(t, stage) })
//	}
package scenario

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

//go:embed scenario.txt
var text string

// Scene is a part of the play that stands for itself, in a room of its own.
type Scene struct {
	Title string
	lines string
}

// Scenes returns all scenes, in order.
func Scenes() (scenes []Scene) {
	for _, s := range strings.Split(text, "\n== ")[1:] { // before the first one stands how to read them
		title, lines, _ := strings.Cut(s, "\n")
		scenes = append(scenes, Scene{title, lines})
	}
	return scenes
}

// Stage is a running consult. Its functions return an error instead of waiting for
// ever.
type Stage struct {
	// Dial connects a client to an instance: 0 is the first, 1 the second, which may
	// be the same one.
	Dial func(instance int) (Client, error)

	// Performed waits for the next side effect, and returns it as JSON.
	Performed func() (string, error)

	// Quiet returns an error if the client was told anything that it has not
	// received. It may be nil, for stages that can't know that nothing more comes.
	Quiet func(Client) error

	// Gone waits until the broker has nothing of the room any more. It may be nil:
	// then clients find out, by joining until one finds the room empty.
	Gone func(room string) error
}

// Client is a client's end of a connection.
type Client interface {
	Send(message string) error // one message, a JSON text

	// Receive waits for the next message. If the server has closed the connection,
	// the error wraps a [Closed].
	Receive() (string, error)

	Leave() error // closes the connection in good order
	Break() error // breaks it
}

// Closed is the code with which the server closed a connection.
type Closed int

func (code Closed) Error() string { return fmt.Sprintf("scenario: closed with %d", int(code)) }

// Play plays the scene. It ends t at the first line that goes wrong, and must be
// called from the goroutine of t.
func (s Scene) Play(t testing.TB, stage Stage) {
	t.Helper()
	p := &play{TB: t, stage: stage, clients: map[string]Client{}, names: map[string]string{}}
	for line := range strings.Lines(s.lines) {
		if line = strings.TrimSpace(line); line != "" {
			t.Log(line)
			p.line(line)
		}
	}
}
