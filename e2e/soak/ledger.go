package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/core"
)

// ledger is what all clients together know, and what contradicts it.
type ledger struct {
	mu      sync.Mutex // protects what follows, and the sessions
	rooms   map[string]*book
	live    map[*session]struct{} // that have joined, and not ended
	dead    map[core.ConnID]time.Time
	wrong   []string
	figures figures
}

// figures are what the run says of itself.
type figures struct {
	Sessions, Added, Messages, Resyncs, Reaped int
	Closed                                     map[websocket.StatusCode]int // by the server
	Kills, Pauses, Cuts, Restarts              int
	LongestGhost                               time.Duration // from a kill until a survivor's client was told
}

// book is the additions of a room, by number and by name.
type book struct {
	name map[int]string
	n    map[string]int
}

func newLedger() *ledger {
	return &ledger{
		rooms: map[string]*book{}, live: map[*session]struct{}{}, dead: map[core.ConnID]time.Time{},
		figures: figures{Closed: map[websocket.StatusCode]int{}},
	}
}

func (l *ledger) violation(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

func (l *ledger) book(room string) *book {
	b := l.rooms[room]
	if b == nil {
		b = &book{map[int]string{}, map[string]int{}}
		l.rooms[room] = b
	}
	return b
}

// added takes notice that an addition has a number. Two of one number are a lost
// update; two numbers of one are an update that counts twice.
func (l *ledger) added(room, name string, n int) {
	b := l.book(room)
	if other, known := b.name[n]; known && other != name {
		l.violation("update lost: number %d of %s is both %s and %s", n, room, other, name)
	}
	if other, known := b.n[name]; known && other != n {
		l.violation("update applied twice: %s is number %d and %d of %s", name, other, n, room)
	}
	b.name[n], b.n[name] = name, n
}

// session is what one connection was told.
type session struct {
	l      *ledger
	p      *process
	number int // of the process's start
	room   string

	conn    core.ConnID // "" before it has joined
	floor   int         // what is up to here was seen with the Join, or a Resync
	heard   int         // the last message
	told    map[int]bool
	pending map[string]bool      // additions that were not acknowledged
	left    map[core.ConnID]bool // whose Leaves it was told
}

// take takes in a frame.
func (s *session) take(f frame) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	switch {
	case f.Joined != "":
		s.conn, s.floor = f.Joined, f.N
		s.l.live[s] = struct{}{}
		s.l.figures.Sessions++
	case f.Ack != "":
		s.l.added(s.room, f.Ack, f.N)
		s.told[f.N] = true
		delete(s.pending, f.Ack)
		s.l.figures.Added++
	case f.Added != "":
		s.l.added(s.room, f.Added, f.N)
		if f.N <= max(s.heard, s.floor) {
			s.l.violation("%s was told %d of %s after %d: again, or out of order", s.conn, f.N, s.room, max(s.heard, s.floor))
		}
		s.heard, s.told[f.N] = f.N, true
		s.l.figures.Messages++
	case f.Resync:
		s.floor = f.N
		s.l.figures.Resyncs++
	case f.Left != "":
		s.leftBy(f.Left)
	}
}

func (s *session) leftBy(id core.ConnID) {
	if s.left[id] {
		s.l.violation("%s was told twice that %s left", s.conn, id)
	}
	s.left[id] = true
	if died, was := s.l.dead[id]; was {
		delete(s.l.dead, id)
		s.l.figures.Reaped++
		s.l.figures.LongestGhost = max(s.l.figures.LongestGhost, time.Since(died))
	}
}

// end takes in that the connection has ended. What it was told has no holes.
func (s *session) end(code websocket.StatusCode, own bool) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	delete(s.l.live, s)
	if !own {
		s.l.figures.Closed[code]++
	}
	switch code {
	case -1, websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusServiceRestart, websocket.StatusTryAgainLater:
	default:
		s.l.violation("%s was closed with %d", s.conn, code)
	}
	if hole := s.hole(s.heard); hole > 0 {
		s.l.violation("%s, in %s since %d, was never told %d, nor that it missed it, and was told %d", s.conn, s.room, s.floor, hole, s.heard)
	}
}

// hole is the first addition up to n that the session was not told; 0 if there is
// none. An own one whose acknowledgement is missing is none.
func (s *session) hole(n int) int {
	b := s.l.book(s.room)
	for k := s.floor + 1; k <= n; k++ {
		name, known := b.name[k]
		if !s.told[k] && !s.pending[name] && (known || len(s.pending) == 0) {
			return k
		}
	}
	return 0
}

// dying takes notice that a process is killed now.
func (l *ledger) dying(p *process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, number := p.where()
	for s := range l.live {
		if s.p == p && s.number == number {
			l.dead[s.conn] = time.Now()
		}
	}
	l.figures.Kills++
}

func (l *ledger) count(what *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*what++
}

// differs says in what a room in the store is not as its clients have it; "" if it
// is. clients is how many there should be in it.
func (l *ledger) differs(key string, v view, clients int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	here := []core.ConnID{}
	for s := range l.live {
		if s.room == key {
			here = append(here, s.conn)
			if hole := s.hole(v.N); hole > 0 {
				return fmt.Sprintf("%s in %s was not told %d", s.conn, key, hole)
			}
		}
	}
	slices.Sort(here)
	slices.Sort(v.Here)
	switch {
	case len(here) != clients:
		return fmt.Sprintf("%d clients are in %s, not %d", len(here), key, clients)
	case !slices.Equal(here, v.Members):
		return fmt.Sprintf("members of %s are %v, and its clients %v", key, v.Members, here)
	case !slices.Equal(here, v.Here):
		return fmt.Sprintf("by its Joins and Leaves there are in %s %v, and its clients are %v", key, v.Here, here)
	}
	return ""
}

// audit compares what a room has with all that was ever acknowledged or told.
func (l *ledger) audit(key string, v view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(v.Wrong) > 0 {
		l.violation("left %s without being there, or twice: %s", key, strings.Join(v.Wrong, " "))
	}
	for n, name := range l.book(key).name {
		if n > v.N {
			l.violation("update lost: %s was number %d of %s, which has %d", name, n, key, v.N)
		}
	}
}

func (f figures) String() string {
	var codes []string
	for _, c := range slices.Sorted(maps.Keys(f.Closed)) {
		name := fmt.Sprintf("with %d", c)
		if c < 0 {
			name = "broken"
		}
		codes = append(codes, fmt.Sprintf("%d %s", f.Closed[c], name))
	}
	return fmt.Sprintf(`faults:   %d kills, %d pauses of a server; %d restarts of Redis; %d times all its connections cut
traffic:  %d connections, %d additions acknowledged, %d messages received
told:     %d resyncs; closed by the servers: %s
crashes:  %d Leaves of killed servers' clients told to others, after %v at most (a lease is %v; outages of Redis are in it)
`, f.Kills, f.Pauses, f.Restarts, f.Cuts, f.Sessions, f.Added, f.Messages, f.Resyncs, strings.Join(codes, ", "), f.Reaped, f.LongestGhost.Round(time.Millisecond), lease)
}
