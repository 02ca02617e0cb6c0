package zoo

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

// whisperer is somebody who can be reached under a name, and may take another.
type whisperer struct {
	Nick string `json:"nick"`
	Room string `json:"room"`
}

// whisper is what a client sends: another nick for itself, or a text for one.
type whisper struct {
	Nick string `json:"nick,omitempty"`
	To   string `json:"to,omitempty"`
	Text string `json:"text,omitempty"`
}

type whispersOutcome = core.Outcome[whisperer, struct{}]

// whispers has no room state: all that moves is who is who.
var whispers = func() species[whisperer, struct{}] {
	in := core.Integration[whisperer, struct{}]{
		Name: "whispers",
		Authenticate: func(_ core.Conn, hello core.Message) (me whisperer, _ *core.Failure) {
			if hello.Decode(&me) != nil || me.Nick == "" || me.Room == "" {
				return whisperer{}, refusal("a nick and a room, please")
			}
			return me, nil
		},
		Identity: func(_ core.Conn, me whisperer) string { return me.Nick },
		Room:     func(_ core.Conn, me whisperer) string { return me.Room },
		Join:     func(core.Conn, whisperer, struct{}) (none whispersOutcome) { return none },
		Receive:  whisperTo,
		Resync:   func(core.Conn, whisperer, struct{}) (none whispersOutcome) { return none },
		Leave:    func(core.Conn, whisperer, struct{}) (none whispersOutcome) { return none },
	}
	plain := esttest.Model[whisperer, struct{}]{Client: func(c esttest.ClientView) *rapid.Generator[any] {
		nick := rapid.SampledFrom([]string{"ann", "bob", "eve"})
		if c.Sent() == 0 {
			return rapid.Map(nick, func(n string) any { return whisperer{n, "k"} })
		}
		return rapid.OneOf(
			rapid.Map(nick, func(n string) any { return whisper{Nick: n} }),
			rapid.Map(nick, func(n string) any { return whisper{To: n, Text: "psst"} }),
		)
	}}
	strict := plain
	strict.Always = func(w *esttest.World[whisperer, struct{}]) error {
		for _, c := range w.Clients() {
			if c.Joined() && c.Data().Nick == "" {
				return fmt.Errorf("%s has no nick", c.ID())
			}
		}
		return nil
	}
	return species[whisperer, struct{}]{in: in, plain: plain, strict: strict}
}()

func whisperTo(_ core.Conn, me whisperer, _ struct{}, msg core.Message) whispersOutcome {
	var said whisper
	switch err := msg.Decode(&said); {
	case err == nil && said.Nick != "":
		me.Nick = said.Nick
		return whispersOutcome{Data: core.Put(me), Reply: said}
	case err == nil && said.To != "":
		return whispersOutcome{Publish: []core.Publication{core.To(said.To, said)}}
	}
	return whispersOutcome{Fail: complaint("a nick, or a text to somebody")}
}
