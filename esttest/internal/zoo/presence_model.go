package zoo

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/spinneyio/est/esttest"
)

type presenceWorld = esttest.World[guest, party]

var presence = func() species[guest, party] {
	plain := esttest.Model[guest, party]{
		Client: talkAtParty,
		Sometimes: map[string]func(*presenceWorld) bool{
			"a room is full":             someParty(func(r party) bool { return r.users() == maxUsers }),
			"a user sits twice":          someParty(func(r party) bool { return r.users() < len(r.Seats) }),
			"the host is not the eldest": someParty(func(r party) bool { return len(r.Seats) > 0 && !r.Seats[0].Host }),
		},
	}
	strict := plain
	strict.Always, strict.Eventually = oneHost, everybodySits
	return species[guest, party]{presenceIntegration(), plain, strict}
}()

func someParty(is func(party) bool) func(*presenceWorld) bool {
	return func(w *presenceWorld) bool {
		for _, r := range w.Rooms() {
			if is(r) {
				return true
			}
		}
		return false
	}
}

// users are who the clients are: the first two are devices of one user.
var users = []string{"ann", "ann", "bob", "cat", "dan"}

func userOf(c esttest.ClientView) string { return users[c.Index()%len(users)] }

func talkAtParty(c esttest.ClientView) *rapid.Generator[any] {
	if c.Sent() == 0 {
		return rapid.Just[any](map[string]string{"user": userOf(c), "room": "hall"})
	}
	return rapid.Custom(func(t *rapid.T) any {
		op := rapid.SampledFrom([]string{"ready", "wave", "pass", "sing"}).Draw(t, "op")
		to := rapid.SampledFrom([]string{"bob", "", "ann", "nobody"}).Draw(t, "to")
		return map[string]string{"op": op, "to": to}
	})
}

// oneHost: a room has one host, and each connection one seat.
func oneHost(w *presenceWorld) error {
	for key, r := range w.Rooms() {
		hosts := 0
		for i, s := range r.Seats {
			if s.Host {
				hosts++
			}
			if r.seatOf(s.Conn) != i {
				return fmt.Errorf("%s: %s has two seats", key, s.Conn)
			}
		}
		if hosts != 1 {
			return fmt.Errorf("%s has %d hosts", key, hosts)
		}
	}
	return nil
}

// everybodySits: who is connected has a seat of its own, and its client knows all
// seats.
func everybodySits(w *presenceWorld) error {
	rooms := w.Rooms()
	for _, c := range w.Clients() {
		if !c.Joined() || !c.Open() {
			continue
		}
		r := rooms[c.Room()]
		if i := r.seatOf(c.ID()); i < 0 || r.Seats[i].User != c.Data().User {
			return fmt.Errorf("%s of %s is a member of %s, and has no seat there", c.ID(), c.Data().User, c.Room())
		}
		if !slices.Equal(c.Data().Shown, r.Seats) {
			return fmt.Errorf("%s was last shown %v, and there are %v", c.ID(), c.Data().Shown, r.Seats)
		}
	}
	return nil
}
