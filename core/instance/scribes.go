package instance

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// scribes write what is in outboxes: a few goroutines for all connections. One that
// takes the next outbox when it is done with the last needs no waking, and what comes
// to an outbox while it waits for its turn leaves in the same Write. With a goroutine
// for each outbox, a message to a hundred members would wake a hundred.
//
// A peer that does not read holds its scribe up. So when outboxes wait for longer
// than a beat, there are twice as many scribes. Those that find nothing to do go, but
// for a few.
type scribes struct {
	few  int       // how many there are before anybody waits, and how many may rest
	more sync.Cond // tells those who rest of an outbox, or the end

	mu      sync.Mutex // protects what follows
	queue   []task     // outboxes, each at most once; those before head were taken
	head    int
	all     int // scribes there are
	resting int
	over    bool // who has nothing to do goes

	watched bool // look is called at the next beat
	taken   int  // outboxes, since the last beat
	due     int  // that waited then
}

// beat is how long outboxes wait before there are more scribes; up to twice that.
const beat = 5 * time.Millisecond

func newScribes(life context.Context) *scribes {
	// One more than can run: that many peers that do not read make nobody wait.
	s := &scribes{few: 1 + runtime.GOMAXPROCS(0)}
	s.more.L = &s.mu
	context.AfterFunc(life, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over, s.resting = true, 0
		s.more.Broadcast()
	})
	return s
}

// add has outboxes written.
func (s *scribes) add(outboxes ...task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head > len(s.queue)/2 { // before there is need for more space
		s.queue, s.head = slices.Delete(s.queue, 0, s.head), 0
	}
	s.queue = append(s.queue, outboxes...)
	for range outboxes {
		switch {
		case s.resting > 0:
			s.resting--
			s.more.Signal()
		case s.all < s.few:
			s.all++
			go s.write()
		case !s.watched:
			s.watch()
			return
		}
	}
}

func (s *scribes) watch() {
	s.watched, s.taken, s.due = true, 0, s.waiting()
	time.AfterFunc(beat, s.look)
}

// look makes more of them, if some of what waited at the last beat still does.
func (s *scribes) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = false
	if s.waiting() == 0 {
		return
	}
	if s.taken < s.due {
		for range s.all {
			go s.write()
		}
		s.all *= 2
	}
	s.watch()
}

// write is a scribe.
func (s *scribes) write() {
	for t := s.take(); t != nil; t = s.take() {
		t.run()
	}
}

// take waits for the next outbox. It says nil if the scribe may go.
func (s *scribes) take() task {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting() == 0 {
		if s.over || s.resting == s.few {
			s.all--
			return nil
		}
		s.resting++
		s.more.Wait()
		// Let those go first who have something to do already: what they send to this
		// outbox leaves with what is there. When nobody has, it costs nothing.
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
	s.taken++
	t := s.queue[s.head]
	s.queue[s.head] = nil
	if s.head++; s.waiting() == 0 {
		s.queue, s.head = s.queue[:0], 0
	}
	return t
}

// waiting is how many outboxes wait. s.mu is held.
func (s *scribes) waiting() int { return len(s.queue) - s.head }
