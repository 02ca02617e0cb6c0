package conformance

// FirstFailure tries the rules in their order until one fails, and returns that
// failure; nil if none does.
func FirstFailure(h Harness) *Failure {
	s, err := newSuite(h)
	if err != nil {
		f := harnessFailure(err, h.Seed)
		return &f
	}
	defer s.close()
	for i := range rules {
		s.try(i)
		if f := s.report().Failed; len(f) > 0 {
			return &f[0]
		}
	}
	return nil
}
