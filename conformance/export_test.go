package conformance

// FirstFailure tries the rules in their order until one fails, and returns that
// failure; nil if none does.
func FirstFailure(h Harness) *Failure {
	s, err := newSuite(h)
	if err != nil {
		return &Failure{Rule: "harness", Happened: err.Error()}
	}
	defer s.close()
	for i := range rules {
		s.try(i)
		if f := s.results[i].failure; f != nil {
			return f
		}
	}
	return nil
}
