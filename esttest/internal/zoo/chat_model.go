package zoo

import (
	"cmp"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/esttest"
)

type chatWorld = esttest.World[reader, log]

var chat = func() species[reader, log] {
	plain := esttest.Model[reader, log]{
		Client: talkInChat,
		Sometimes: map[string]func(*chatWorld) bool{
			"more was said than is kept": func(w *chatWorld) bool { return w.Rooms()["hall"].Last > kept },
			"something is unread": func(w *chatWorld) bool {
				for _, c := range w.Clients() {
					if c.Data().Unread > 0 {
						return true
					}
				}
				return false
			},
		},
	}
	strict := plain
	strict.Eventually = func(w *chatWorld) error { return cmp.Or(readInOrder(w), heardAll(w)) }
	return species[reader, log]{chatIntegration(), plain, strict}
}()

func talkInChat(c esttest.ClientView) *rapid.Generator[any] {
	if c.Sent() == 0 {
		return rapid.Just[any](map[string]string{"user": userOf(c), "room": "hall"})
	}
	return rapid.Custom(func(t *rapid.T) any {
		op := rapid.SampledFrom([]string{"say", "read", "typing"}).Draw(t, "op")
		text := rapid.SampledFrom([]string{"hi", "", strings.Repeat("blah ", 5)}).Draw(t, "text")
		return map[string]string{"op": op, "text": text}
	})
}

// readInOrder: each client gets each line once, in order, and the number of those
// that are unread is right.
func readInOrder(w *chatWorld) error {
	for _, c := range w.Clients() {
		heard, unread := 0, 0
		for _, m := range c.Received() {
			p, ok := pageOf(m)
			if !ok {
				continue
			}
			if p.ID == "welcome" {
				heard = p.Last
				continue
			}
			if unread += p.Last - heard; p.ID == "said" || p.ID == "read" {
				unread = 0
			}
			if p.Unread != unread {
				return fmt.Errorf("%s is told that %d lines are unread, and %d are: %s", c.ID(), p.Unread, unread, m)
			}
			next := max(heard, p.Last-kept)
			for _, l := range p.Lines {
				if next++; l.N != next {
					return fmt.Errorf("%s gets line %d, and not line %d: %s", c.ID(), l.N, next, m)
				}
			}
			if next != p.Last {
				return fmt.Errorf("%s gets lines up to %d, and not to %d: %s", c.ID(), next, p.Last, m)
			}
			heard = p.Last
		}
	}
	return nil
}

// pageOf is m, if it is a page.
func pageOf(m core.Message) (page, bool) {
	var p page
	return p, m.Decode(&p) == nil && (p.ID == "welcome" || p.ID == "said" || p.ID == "read" || p.ID == "news")
}

// heardAll: each client was given all lines.
func heardAll(w *chatWorld) error {
	rooms := w.Rooms()
	for _, c := range w.Clients() {
		if last := rooms[c.Room()].Last; c.Joined() && c.Open() && c.Data().Heard != last {
			return fmt.Errorf("%s has heard line %d, and the last one is %d", c.ID(), c.Data().Heard, last)
		}
	}
	return nil
}
