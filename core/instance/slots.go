package instance

import "sync"

// slots counts the messages of a connection, and its side effects, that wait. Who took
// one frees it, or hands that duty on with the message.
type slots struct {
	mu    sync.Mutex // protects what follows
	taken int
	freed chan struct{} // closed, when somebody waits, as soon as one is free
}

// take takes as many as are free of all, up to n. If there is none, full is what to
// wait for before it is tried again.
func (s *slots) take(n, all int) (taken int, full <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken = min(n, all-s.taken); taken > 0 {
		s.taken += taken
		return taken, nil
	}
	if s.freed == nil {
		s.freed = make(chan struct{})
	}
	return 0, s.freed
}

func (s *slots) free(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken -= n
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}
