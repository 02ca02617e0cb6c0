package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/internal/redistest"
)

// What processes log of an outage, and nothing else.
const (
	gapsOnly = `msg="est: messages may be missing" reason="redis: .* room=kitchen`
	gaveUp   = gapsOnly + `|msg="est: (commit|subscribe|load)" error="instance: the broker can't be reached for 10s`
)

// TestRedisRestarts kills the Redis of two processes and starts it again with its
// data: first while nobody speaks, then while both do.
func TestRedisRestarts(t *testing.T) {
	server := redistest.Start(t, nil)
	one, two := startOn(t, server.Addr()), startOn(t, server.Addr())
	one.mayLog, two.mayLog = gapsOnly, gapsOnly
	dana, carl := meet(t, "kitchen", one, two)
	talk(t, dana, carl)

	must(t, server.Restart(true))
	one.awaitGap("kitchen")
	two.awaitGap("kitchen")
	dana.look()
	carl.look()
	talk(t, dana, carl) // nothing was missed, so both are still there

	must(t, server.Kill())
	dana.say(20)
	carl.say(20)
	dana.arrive()
	carl.arrive()
	must(t, server.Restart(true))
	goOn(t, dana, carl)
	finish(t, server, dana, carl)
}

// TestRedisComesBackEmpty kills Redis and starts it with nothing. The rooms are
// lost, and with them all seats: everybody is told to come back, also who is
// silent, and starts again.
func TestRedisComesBackEmpty(t *testing.T) {
	server := redistest.Start(t, nil)
	one, two := startOn(t, server.Addr()), startOn(t, server.Addr())
	one.mayLog, two.mayLog = gapsOnly, gapsOnly
	dana, carl := meet(t, "kitchen", one, two)
	one.opens("kitchen")
	talk(t, dana, carl)

	must(t, server.Kill())
	dana.say(3)
	dana.arrive()
	must(t, server.Restart(false))
	dana.closed(core.CloseComeBack)
	carl.closed(core.CloseComeBack)

	dana.enter(one)
	if other := dana.now().other; other != "" {
		t.Errorf("the room is new, but %q sits there", other)
	}
	one.opens("kitchen")
	carl.enter(two)
	talk(t, dana, carl)
	finish(t, server, dana, carl)
	if passed := dana.visits[0].passed; !slices.Equal(passed, []int{1}) {
		t.Errorf("Dana was told that %v were passed on, but nobody can have heard more than 1", passed)
	}
}

// TestRedisStaysAway kills Redis for longer than an instance is patient, which is
// ten seconds. Who waits for it is told; who does not may stay.
func TestRedisStaysAway(t *testing.T) {
	server := redistest.Start(t, nil)
	one, two := startOn(t, server.Addr()), startOn(t, server.Addr())
	one.mayLog, two.mayLog = gaveUp, gaveUp
	dana, carl := meet(t, "kitchen", one, two)
	talk(t, dana, carl)

	must(t, server.Kill())
	dana.say(1)
	late := &person{t: t, room: "garden", name: "cleo", role: "client", peer: dana}
	if v := late.join(two); v.seat != "" || v.failure != "auth 1013" {
		t.Errorf("who comes meanwhile is told something else: %s", v)
	}
	late.closed(core.CloseTryLater)
	dana.closed(core.CloseTryLater)
	if got := dana.now().failure; got != "comm 1013" {
		t.Errorf("Dana was told %q", got)
	}

	carl.arrive() // he is still connected

	must(t, server.Restart(true))
	goOn(t, dana, carl)
	finish(t, server, dana, carl)
}

// TestProcessCutOff breaks the way of one process to Redis, while the other one
// goes on. What is said meanwhile can't be heard: that must be told.
func TestProcessCutOff(t *testing.T) {
	server := redistest.Start(t, nil)
	way := redistest.NewProxy(t, server.Addr())
	one, two := startOn(t, server.Addr()), startOn(t, way.Addr())
	two.mayLog = gapsOnly
	dana, carl := meet(t, "kitchen", one, two)
	talk(t, dana, carl)

	release := way.Hold()
	dana.say(5)
	dana.settle()
	release()
	carl.closed(core.CloseComeBack)
	if heard := carl.now().heard; !slices.Equal(heard, []int{1}) {
		t.Errorf("Carl heard %v", heard)
	}
	carl.enter(two)
	talk(t, dana, carl)

	// A reply that gets lost: the commit is sent again, and counts once.
	way.LoseReply(nil)
	talk(t, carl, dana)
	if lost := way.Stats().Lost; lost != 1 {
		t.Errorf("%d replies were lost, not 1", lost)
	}
	finish(t, server, dana, carl)
}

// TestProcessKilled kills one of two processes. The other one runs the Leave of who
// was connected to it, within a lease and two heartbeats, and its people are told.
func TestProcessKilled(t *testing.T) {
	server := redistest.Start(t, nil)
	one, two := startOn(t, server.Addr()), startOn(t, server.Addr())
	dana, carl := meet(t, "kitchen", one, two)
	talk(t, dana, carl)

	dana.say(500)
	dana.until("some have been passed on", func() bool { return len(dana.now().passed) > 50 })
	one.kill()
	dana.closed(0)
	carl.hearsOf("disconnect")
	dana.enter(two)
	if other := dana.now().other; other != carl.now().seat {
		t.Errorf("Dana is told that %q sits there", other)
	}
	carl.hearsOf("disconnect", "connect")
	talk(t, dana, carl)
	if len(carl.visits) != 1 {
		t.Errorf("Carl, who was on the other process, was disconnected: %s", carl.visits[0])
	}
	finish(t, server, dana, carl)
}

// TestProcessPaused stops one of two processes by SIGSTOP for longer than a lease,
// and lets it go on. Meanwhile it is taken for dead; then it tells its people to come
// back, and they can, to the same process.
func TestProcessPaused(t *testing.T) {
	server := redistest.Start(t, nil)
	one, two := startOn(t, server.Addr()), startOn(t, server.Addr())
	one.mayLog = `msg="est: heartbeat" error="instance: the others have given this instance up|` + gapsOnly
	dana, carl := meet(t, "kitchen", one, two)
	talk(t, dana, carl)

	one.pause()
	carl.hearsOf("disconnect")
	one.resume()
	dana.closed(core.CloseComeBack)
	dana.enter(one)
	carl.hearsOf("disconnect", "connect")
	talk(t, dana, carl)
	if len(carl.visits) != 1 {
		t.Errorf("Carl, who was on the other process, was disconnected: %s", carl.visits[0])
	}
	finish(t, server, dana, carl)
}

// hearsOf listens until s has been told so much of the peer, and this it must be.
func (s *person) hearsOf(news ...string) {
	s.t.Helper()
	s.until(fmt.Sprintf("there is news: %v", news), func() bool { return len(s.now().news) >= len(news) })
	if got := s.now().news; !slices.Equal(got, news) {
		s.t.Errorf("%s hears of %v", s.name, got)
	}
}

// opens expects the next side effect, which is the opening of a room.
func (p *program) opens(room string) {
	p.t.Helper()
	effect, err := performed(p.t, p, p)
	if want := fmt.Sprintf(`["room-opened",%q]`, room); err != nil || effect != want {
		p.t.Errorf("it performed %s, error %v, want %s", effect, err, want)
	}
}

func (p *program) awaitGap(room string) {
	p.t.Helper()
	select {
	case got := <-p.gaps:
		if got != room {
			p.t.Errorf("it has a gap in %s, not in %s", got, room)
		}
	case <-within(p.t).Done():
		p.t.Fatalf("consult on %s does not notice the gap", p.addrs)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
