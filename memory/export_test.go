package memory

// Subscriptions counts the live subscriptions of b's store, of all handles.
func (b *Broker) Subscriptions() (n int) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		for _, r := range s.rooms {
			n += len(r.subscriptions)
		}
		s.mu.Unlock()
	}
	return n
}
