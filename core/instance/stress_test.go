package instance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport/pipe"
)

// TestStress has clients on three instances come, send, go from room to room and
// leave at random, with conflicts and lost answers. Every number is added once
// if its client was told so, at most once if not; each client hears everybody's
// messages in their order; in the end nobody is left.
func TestStress(t *testing.T) {
	clients, sends := 40, 40
	if testing.Short() {
		clients, sends = 12, 20
	}
	bubble(t, func(w *world) {
		var mu sync.Mutex // protects dice
		dice := rand.New(rand.NewPCG(1, 2))
		w.store.Broker = memory.New(&memory.Options{Conflicts: func(broker.Key, broker.Commit) bool {
			mu.Lock()
			defer mu.Unlock()
			return dice.IntN(5) == 0
		}})
		for range 3 {
			w.instance(&instance.Options{Batch: 8})
		}
		all := &ledger{sent: map[int]bool{}, acked: map[int]bool{}}
		var running sync.WaitGroup
		for n := range clients {
			running.Go(func() {
				s := &stressed{world: w, all: all, n: n, random: rand.New(rand.NewPCG(3, uint64(n)))}
				for s.next < sends {
					s.session(sends)
				}
			})
		}
		stop := make(chan struct{})
		go func() { // every now and then answers are lost
			for range clients * sends / 20 {
				w.store.setTimes(loses, 1, commit)
				w.store.setTimes(works, 1, load)
			}
			close(stop)
		}()
		running.Wait()
		<-stop
		w.store.heal()
		for _, i := range w.instances {
			w.shutdown(i)
		}
		all.check(w)
	})
}

// room is one of five.
func (s *stressed) room() string { return fmt.Sprint("room ", s.random.IntN(5)) }

// stressed is one client, over its connections.
type stressed struct {
	*world
	all    *ledger
	n      int
	random *rand.Rand
	next   int // number of what it sends next
	visits int // connections so far
}

// session is one connection: a few messages, each answered, and an end.
func (s *stressed) session(until int) {
	c, err := pipe.Dial(s.instances[s.random.IntN(len(s.instances))], nil)
	if err != nil {
		s.Errorf("client %d: %v", s.n, err)
		s.next = until
		return
	}
	s.visits++
	me := fmt.Sprintf("%d on its visit %d", s.n, s.visits)
	answered := make(chan int, until) // numbers
	want := s.next
	go func() {
		defer close(answered)
		latest := map[string]int{me: until} // by sender
		for {
			m, err := c.Receive(context.Background())
			var end *pipe.CloseError
			if errors.As(err, &end) && (end.Code == core.CloseNormal || end.Code == core.CloseLost) {
				return
			}
			var a answer
			var said string
			switch {
			case err != nil:
				s.Errorf("client %d: %v", s.n, err)
				return
			case m.Decode(&said) == nil && strings.HasPrefix(said, "in "):
			case m.Decode(&said) == nil:
				s.hears(said, latest)
			case m.Decode(&a) == nil && a.Room != "":
				if a.N != want {
					s.Errorf("client %d: answer to %d, want %d", s.n, a.N, want)
				}
				want = a.N + 1
				s.all.ack(s, a.N)
				answered <- a.N
			default:
				s.Errorf("client %d received %s", s.n, m)
			}
		}
	}()
	send := func(v any) {
		if err := c.Send(context.Background(), v); err != nil {
			s.Errorf("client %d: %v", s.n, err)
		}
	}
	send(who{fmt.Sprint(s.n), s.room()})
	for range 1 + s.random.IntN(20) {
		x := wish{N: s.next, Add: s.number(s.next), Say: fmt.Sprintf("%s:%d", me, s.next)}
		if s.random.IntN(6) == 0 {
			x.Go = new(s.room())
		}
		s.all.send(x.Add)
		send(x)
		s.next++
	}
	for ok, n := s.random.IntN(4) > 0, 0; ok && n != s.next-1; { // mostly wait for the last answer
		n, ok = <-answered
	}
	if s.random.IntN(2) == 0 {
		c.Abort()
	} else {
		c.Close()
	}
	for range answered { // until it has heard the end
	}
}

// hears sees that a message of a connection is not older than the one before. Its
// numbers may have holes: it was in other rooms.
func (s *stressed) hears(said string, latest map[string]int) {
	who, number, _ := strings.Cut(said, ":")
	var n int
	if _, err := fmt.Sscan(number, &n); err != nil {
		s.Errorf("client %d heard %q", s.n, said)
	}
	if before, ok := latest[who]; ok && n <= before {
		s.Errorf("client %d heard %q after %d", s.n, said, before)
	}
	latest[who] = n
}

// number is what the client adds with its k-th message: unique, and not 0.
func (s *stressed) number(k int) int { return 1 + s.n + 1000*k }

// ledger is what was sent and acknowledged, over all clients.
type ledger struct {
	mu    sync.Mutex // protects what follows
	sent  map[int]bool
	acked map[int]bool
}

func (l *ledger) send(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[n] = true
}

func (l *ledger) ack(s *stressed, k int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := s.number(k)
	if l.acked[n] {
		s.Errorf("client %d was told twice that %d was added", s.n, n)
	}
	l.acked[n] = true
}

func (l *ledger) check(w *world) {
	w.Helper()
	found := map[int]bool{}
	for n := range 5 {
		room := fmt.Sprint("room ", n)
		var state tally
		if err := core.Message(w.value(room)).Decode(&state); err != nil {
			w.Errorf("%s: %v", room, err)
		}
		sum := 0
		for _, n := range state.Chain {
			if sum += n; found[n] || !l.sent[n] {
				w.Errorf("%s has %d, which was sent: %v, and found before: %v", room, n, l.sent[n], found[n])
			}
			found[n] = true
		}
		if sum != state.Sum {
			w.Errorf("%s: the sum is %d, want %d", room, state.Sum, sum)
		}
		if m := w.members(room); m != "" {
			w.Errorf("%s has members left: %s", room, m)
		}
	}
	for n := range l.acked {
		if !found[n] {
			w.Errorf("%d was acknowledged and is lost", n)
		}
	}
	w.Logf("%d sent, %d acknowledged, %d added", len(l.sent), len(l.acked), len(found))
	if len(l.acked) < len(l.sent)/2 {
		w.Errorf("only %d of %d were acknowledged: this test tests nothing", len(l.acked), len(l.sent))
	}
}
