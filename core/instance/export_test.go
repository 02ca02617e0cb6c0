package instance

// SlotsTaken is how many slots of all connections together are taken. When
// nothing waits, none must be: who took one has freed it.
func (i *Instance[C, R]) SlotsTaken() (n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for c := range i.conns {
		c.slots.mu.Lock()
		n += c.slots.taken
		c.slots.mu.Unlock()
	}
	return n
}

// Lobbies is how many lobbies connections are spread over.
func (i *Instance[C, R]) Lobbies() int { return len(i.lobbies) }

// Scribes is how many goroutines there are that write, and how many are always kept.
func (i *Instance[C, R]) Scribes() (all, kept int) {
	i.scribes.mu.Lock()
	defer i.scribes.mu.Unlock()
	return i.scribes.all, i.scribes.few
}

// Rooms is how many rooms the instance has.
func (i *Instance[C, R]) Rooms() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.rooms)
}

// Unforgotten is how many connections rooms still know that are gone. For when
// nothing runs.
func (i *Instance[C, R]) Unforgotten() (n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.rooms {
		n += len(r.conns)
	}
	for _, r := range i.lobbies {
		n += len(r.conns)
	}
	return n - len(i.conns)
}
